"""Starts of `twistd mailhub` that import nothing any more: a process that has imported it forks.

What a start costs is importing, 1.1 of 1.5 seconds of a processor, and the live tests start two
hundred servers. A forked one runs `twistd`'s own entry point with its own words, environment and
log; only what a module does while it is imported happened before. Starts from nothing are proven
where they are the subject (`Server(cold=True)`, a `wrap` or an `environment`).
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
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

_nursery: Nursery | None = None


class Forked:
    """A process that somebody else forked for us, in the words of `subprocess.Popen`."""

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._end = os.pidfd_open(pid)

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
                os.close(self._end)
                self.returncode = self._nursery.ask(end=self.pid)
        return self.returncode


class Nursery:
    """The process that forks: one for each that runs tests, begun when it is first asked."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-m", "tests.live.warm", str(theirs.fileno())]
            root = Path(__file__).parents[2]
            self._process = subprocess.Popen(
                words, cwd=root, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        self._answers = ours.makefile("r")
        self._channel = ours

    def start(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> Forked:
        """Runs twistd with `words`; its output goes behind what is in `log`."""
        pid = self.ask(
            words=list(words), log=str(log), folder=os.getcwd(), environment=dict(environment)
        )
        return Forked(pid, self)

    def ask(self, **what: object) -> int:
        """One request and its answer."""
        self._channel.sendall(json.dumps(what).encode() + b"\n")
        return int(self._answers.readline())


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
    for line in channel.makefile("r"):
        what = json.loads(line)
        if "end" in what:
            _, status = os.waitpid(what["end"], 0)
            living.discard(what["end"])
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                channel.detach()
                os.close(descriptor)
                _become(what)
                from twisted.scripts.twistd import run

                run()
                sys.exit(0)
            living.add(answer)
        channel.sendall(b"%d\n" % answer)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _import() -> None:
    """Everything but the reactor, which belongs to one process: Klein, who wants one for a way to
    run that nobody uses here, gets something of that name."""
    name = "twisted.internet.reactor"
    sys.modules[name] = nothing = ModuleType(name)
    import twisted.scripts.twistd

    import mailhub.tap

    assert mailhub.tap
    assert twisted.scripts.twistd
    held = [one for one, module in sys.modules.items() if vars(module).get("reactor") is nothing]
    assert held == ["klein._app"], held
    assert sys.modules.pop(name) is nothing
    gc.collect()
    gc.freeze()


def _become(what: Mapping[str, object]) -> None:
    """This process is a twistd that was just started."""
    log = os.open(str(what["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(str(what["folder"]))
    os.environ.clear()
    environment, words = what["environment"], what["words"]
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    os.environ.update(environment)
    time.tzset()
    sys.argv = words
    gc.unfreeze()


if __name__ == "__main__":
    main(int(sys.argv[1]))
