"""What the bench needs of a server under test, and mailhub as one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from tests.ports import free_port

PASSWORD = "bench-Passw0rd-1"
START = 120.0
"""Seconds that a server may take to start, on a machine that does other things."""


class Server(Protocol):
    """A running server: its ports, its processes, and how it ends."""

    name: str
    smtp: int
    imap: int
    imaps: int
    pop3: int
    folder: Path

    def start(self, users: list[str]) -> None: ...
    def stop(self) -> None: ...
    def pids(self) -> list[int]: ...


def wait_for_port(port: int, seconds: float = 30) -> None:
    """Returns when something accepts on `port`; raises TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


CONFIG = """
hostname = "mail.bench.example"
data = "{folder}/var"
default_domain = "bench.test"

[limits]
exempt_networks = ["127.0.0.0/8"]
connections = 20000

[smtp]
messages = 1000000

[imap]
plaintext_auth = true

[pop3]
plaintext_auth = true

[[listener]]
service = "smtp"
endpoint = "tcp:{smtp}:interface=127.0.0.1:backlog=1000"
tls = "starttls"

[[listener]]
service = "imap"
endpoint = "tcp:{imap}:interface=127.0.0.1:backlog=1000"
tls = "starttls"

[[listener]]
service = "imap"
endpoint = "tcp:{imaps}:interface=127.0.0.1:backlog=1000"
tls = "implicit"

[[listener]]
service = "pop3"
endpoint = "tcp:{pop3}:interface=127.0.0.1:backlog=1000"
tls = "starttls"

[[listener]]
service = "http"
endpoint = "tcp:{http}:interface=127.0.0.1"
root = "wildduck"
"""


class Mailhub(Server):
    """`twistd mailhub` as shipped: authentication, logging to a file and aliases on."""

    name = "mailhub"
    template = CONFIG

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp, self.imap, self.imaps, self.pop3, self.http = (free_port() for _ in range(5))
        self.more = ""
        """Settings beyond the bench's own, as TOML."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "mailhub.toml"

    def start(self, users: list[str], more: str = "") -> None:
        """`more`: settings, as TOML."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        ports = {name: getattr(self, name) for name in ("smtp", "imap", "imaps", "pop3", "http")}
        self.config.write_text(self.template.format(folder=self.folder, **ports) + self.more + more)
        self.launch()
        for user in users:
            self.command("user", "add", f"{user}@bench.test", "--password", PASSWORD)
            self.command("alias", "add", f"alias-{user}@bench.test", f"{user}@bench.test")

    def launch(self) -> None:
        """Starts the process on whatever the folder holds and waits until it is ready."""
        ready = self.folder / "var" / "run" / "mailhub.json"
        ready.unlink(missing_ok=True)
        log = (self.folder / "mailhub.log").open("ab")
        self._process = subprocess.Popen(
            [
                Path(sys.executable).with_name("twistd"),
                "-n",
                "--pidfile=",
                "mailhub",
                "--config",
                self.config,
            ],
            stdout=log,
            stderr=log,
            cwd=os.getcwd(),
        )
        deadline = time.monotonic() + START
        while not ready.exists():  # until then a command would open the store itself
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "mailhub.log").read_text()[-2000:]
                raise RuntimeError(f"mailhub did not start: {said}")
            time.sleep(0.02)
        for port in (self.smtp, self.imap, self.imaps, self.pop3, self.http):
            wait_for_port(port)

    def command(self, *words: str) -> None:
        tool = Path(sys.executable).with_name("mailhub")
        subprocess.run([tool, "--config", self.config, *words], check=True, capture_output=True)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []


def written_bytes(pids: list[int]) -> int:
    """Bytes these processes caused to be sent to the disk so far (needs the right to look)."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/io").read_text()
        except OSError:
            continue
        total += int(text.split("write_bytes: ")[1].split("\n")[0])
    return total


def disk_sectors_written(folder: Path) -> int:
    """Bytes written to the disk that holds `folder`, by everyone: for peers whose processes end."""
    device = os.stat(folder).st_dev
    path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    return int(path.read_text().split()[6]) * 512


def resident(pids: list[int]) -> int:
    """Proportional resident bytes of these processes (shared pages are split among sharers)."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(text.split("\nPss:")[1].split()[0]) * 1024
    return total
