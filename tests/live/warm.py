"""Starts of `twistd mailhub` that import nothing any more: a process that has imported it forks.

What a start costs is importing, 1.1 of 1.5 seconds of a processor, and the live tests start two
hundred servers. A forked one runs `twistd`'s own entry point with its own words, environment and
log; only what a module does while it is imported happened before. So does the process that serves
a command where no server runs. Starts from nothing are proven where they are the subject
(`Server(cold=True)`, a `wrap` or an `environment`).
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mailhub.cli.client import Client

LONG = 1 << 18
"""Bytes of a request, with an environment in it."""
_nursery: Nursery | None = None
_asking = threading.Lock()
alone: Any = None
twistd: Any = None


class Forked:
    """A process that somebody else forked for us, in the words of `subprocess.Popen`."""

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._end = os.pidfd_open(pid)
        self._closing = threading.Lock()

    def poll(self) -> int | None:
        """Its exit status as Popen has it, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"twistd ({self.pid})", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._end, select.POLLIN)
            if ended.poll(None if seconds is None else seconds * 1000):
                self._bury()
        return self.returncode

    def _bury(self) -> None:
        """Once, whoever of several threads sees that it ended: a descriptor that is closed twice
        may be somebody else's by then."""
        with self._closing:
            if self.returncode is None:
                self.returncode = self._nursery.ask(end=self.pid)
                os.close(self._end)


class Nursery:
    """The process that forks: one for each that runs tests, begun when it is first asked."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.live.warm", str(theirs.fileno())]
            root = Path(__file__).parents[2]
            self._process = subprocess.Popen(
                words, cwd=root, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )

    def twistd(self, words: Sequence[str], log: Path) -> Forked:
        """Runs twistd with `words`; its output goes behind what is in `log`."""
        return self._fork(None, run="twistd", words=list(words), log=str(log))

    def alone(self, data: Path, config: Path | None) -> Client:
        """What `mailhub.cli.client` does to reach a store that no server has open."""
        ours, theirs = socket.socketpair()
        with theirs:
            words = [str(data), *([str(config)] if config else [])]
            return Client(ours, self._fork(theirs, run="alone", words=words))  # type: ignore[arg-type]

    def _fork(self, given: socket.socket | None, **what: object) -> Forked:
        about = {**what, "folder": os.getcwd(), "environment": dict(os.environ)}
        return Forked(self.ask(given, **about), self)

    def ask(self, given: socket.socket | None = None, **what: object) -> int:
        """One request and its answer."""
        descriptors = [given.fileno()] if given is not None else []
        with _asking:
            socket.send_fds(self._channel, [json.dumps(what).encode()], descriptors)
            return int(self._channel.recv(100))


def nursery() -> Nursery:
    """The one of this process."""
    global _nursery
    if _nursery is None:
        _nursery = Nursery()
    return _nursery


def main(descriptor: int) -> None:
    """Forks and buries until nobody asks any more; who still runs then is killed."""
    _import()
    channel = socket.socket(fileno=descriptor)
    living: set[int] = set()
    while True:
        request, given, _, _ = socket.recv_fds(channel, LONG, 1)
        if not request:
            break
        what = json.loads(request)
        if "end" in what:
            _, status = os.waitpid(what["end"], 0)
            living.discard(what["end"])
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                channel.close()
                sys.exit(_become(what, given))
            living.add(answer)
        for one in given:
            os.close(one)
        channel.send(b"%d" % answer)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _import() -> None:
    """Everything but the reactor, which belongs to one process: Klein, who wants one for a way to
    run that nobody uses here, gets something of that name."""
    name = "twisted.internet.reactor"
    sys.modules[name] = nothing = ModuleType(name)
    global alone, twistd
    from twisted.scripts import twistd

    import mailhub.tap
    from mailhub import alone

    assert mailhub.tap
    held = [one for one, module in sys.modules.items() if vars(module).get("reactor") is nothing]
    assert held == ["klein._app"], held
    assert sys.modules.pop(name) is nothing
    gc.collect()
    gc.freeze()


def _become(what: Mapping[str, Any], given: Sequence[int]) -> int | None:
    """This process is one that was just started."""
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place and place not in sys.path]
    time.tzset()
    gc.unfreeze()
    if what["run"] == "alone":
        return alone.main(given[0], *what["words"], *([None] * (2 - len(what["words"]))))
    log = os.open(what["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.argv = what["words"]
    twistd.run()
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
