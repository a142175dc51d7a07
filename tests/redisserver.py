"""A redis-server of the test's own: on a Unix socket and a free port, in a folder that goes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.programs import program

START = 15.0


class RedisServer:
    """Keeps nothing on disk unless `options` say so. `login`: put before each command of `cli`."""

    def __init__(self, *options: str) -> None:
        # Not pytest's folder: the path of a Unix socket has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="mailhub-redis-"))
        self.port = free_port()
        self.socket = self.folder / "redis.sock"
        self.login: Sequence[str] = ()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--unixsocket": str(self.socket),
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
        }
        words = [word for pair in options.items() for word in pair]
        command = [program("redis-server"), *words, *self._options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        ends = time.monotonic() + START
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < ends, "redis-server did not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.socket))
            return True
        except OSError:
            return False

    def cli(self, *words: str) -> str:
        """The answer to a command, as text. Errors are text too."""
        command = [program("redis-cli"), "-s", str(self.socket), *self.login, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
        return done.stdout.strip()

    @property
    def runs(self) -> bool:
        return self._process is not None

    def pause(self) -> None:
        """It hangs from now on, with its connections open."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """It is gone, without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def leads(self) -> bool:
        """Whether it is a master at this moment."""
        try:
            return self.cli("ROLE").startswith("master")
        except subprocess.CalledProcessError:  # it hangs up on everybody when its role changes
            return False

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sentinel:
    """One that watches `master` and may decide alone."""

    def __init__(
        self, folder: Path, master: RedisServer, *, port: int = 0, more: str = "", quorum: int = 1
    ) -> None:
        """`port`: of the master, where it is not the one without TLS. `more`: lines of its file."""
        self.port = free_port()
        config = folder / f"sentinel{self.port}.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nrequirepass watch\n"
            f"sentinel monitor mail 127.0.0.1 {port or master.port} {quorum}\n"
            "sentinel down-after-milliseconds mail 500\n"
            f"sentinel failover-timeout mail 3000\n{more}"
        )
        with (folder / f"sentinel{self.port}.log").open("ab") as log:
            command = [program("redis-server"), str(config), "--sentinel"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def cli(self, *words: str) -> str:
        command = [program("redis-cli"), "-p", str(self.port), "--no-auth-warning", "-a", "watch"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=15)
        return done.stdout

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def replicas(self) -> int:
        """How many it knows."""
        return self.cli("SENTINEL", "REPLICAS", "mail").count("runid")


@contextmanager
def watched_pair(folder: Path) -> Iterator[tuple[RedisServer, RedisServer, Sentinel]]:
    """A master called `mail`, its replica, and a Sentinel that has seen both."""
    with ExitStack() as stack:
        master = RedisServer()
        stack.callback(master.close)
        master.start()
        replica = RedisServer(
            "--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0"
        )
        stack.callback(replica.close)
        replica.start()
        sentinel = Sentinel(folder, master)
        stack.callback(sentinel.close)
        ends = time.monotonic() + START
        while sentinel.replicas() != 1:
            assert time.monotonic() < ends, "the Sentinel found no replica"
            time.sleep(0.1)
        yield master, replica, sentinel
