"""Large messages in processes of their own: fed as they read, ended for every reason; and the
process itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailhub.model.errors import StorageFull, Unavailable
from mailhub.net.encrypting import SECONDS, WAITING, ProcessEncrypting
from tests.fakes import ListLog
from tests.pgpkeys import Key

pytestmark = pytest.mark.thorough

NOBODY = 2**22 + 1
"""A process number that the system never gives."""


class Pipe:
    """The process's standard input."""

    def __init__(self) -> None:
        self.producer: Any = None
        self.written: list[bytes] = []
        self.open = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert not streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written.append(data)


class Transport:
    """What a process's protocol sees of it."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.pid: int | None = NOBODY
        self.pipes = {0: Pipe()}
        self.killed = False

    @property
    def pipe(self) -> Pipe:
        return self.pipes[0]

    def write(self, data: bytes) -> None:
        self.pipe.write(data)

    def closeStdin(self) -> None:
        self.pipe.open = False

    def signalProcess(self, signal: str) -> None:
        self.killed = True
        self.pid = None

    def end(self, status: int = 0) -> None:
        self.pid = None
        reason = ProcessTerminated(status) if status or self.killed else ProcessDone(0)
        self.protocol.processEnded(Failure(reason))


class Reactor(Clock):
    """Starts processes that a test speaks for."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Transport] = []

    def spawnProcess(self, protocol: Any, *_: object, **__: object) -> None:
        transport = Transport(protocol)
        protocol.transport = transport
        self.started.append(transport)
        protocol.connectionMade()


class Bench:
    """Some work, and what became of it."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.log = ListLog()
        self.encrypting = ProcessEncrypting(self.reactor, self.log, processes=1)
        self.taken: list[bytes] = []
        self.outcomes: list[object] = []

    def begin(self, pieces: Iterator[bytes], take: Any = None) -> None:
        work: Any = self.encrypting.encrypt(b"key", pieces, take or self.taken.append)
        work.addCallbacks(self.outcomes.append, lambda failure: self.outcomes.append(failure.value))

    @property
    def process(self) -> Transport:
        return self.reactor.started[-1]


def test_pieces_go_in_one_by_one_and_come_out_as_they_are_ready() -> None:
    b = Bench()
    b.begin(iter([b"one", b"two"]))
    pipe = b.process.pipe
    assert pipe.written == [b"3\nkey"]
    pipe.producer.resumeProducing()
    b.process.protocol.childDataReceived(1, b"ONE")
    pipe.producer.resumeProducing()
    assert (pipe.written[1:], pipe.open) == ([b"one", b"two"], True)
    pipe.producer.resumeProducing()
    assert (pipe.producer, pipe.open, b.outcomes) == (None, False, [])
    b.process.protocol.childDataReceived(1, b"TWO")
    b.process.end()
    assert (b.taken, b.outcomes) == ([b"ONE", b"TWO"], [None])
    assert b.reactor.getDelayedCalls() == []


def test_a_process_that_fails_says_why_to_the_log_alone() -> None:
    b = Bench()
    b.begin(iter([b"one"]))
    b.process.protocol.childDataReceived(2, b"Traceback\n  ...\nMemoryError\n")
    b.process.end(1)
    [error] = b.outcomes
    assert isinstance(error, Unavailable)
    assert "MemoryError" not in error.text
    assert "MemoryError" in str(b.log.named("encryption")[0]["outcome"])


def test_half_a_message_never_counts_as_all_of_it() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("the body was closed")

    b = Bench()
    b.begin(broken())
    b.process.pipe.producer.resumeProducing()
    b.process.pipe.producer.resumeProducing()
    assert (b.process.killed, b.process.pipe.open) == (True, True)
    b.process.protocol.childDataReceived(1, b"HALF")
    b.process.end()
    assert isinstance(b.outcomes[0], ValueError)
    assert b.taken == []


def test_a_full_disk_ends_it() -> None:
    def full(data: bytes) -> None:
        raise StorageFull

    b = Bench()
    b.begin(iter([b"one"]), full)
    b.process.protocol.childDataReceived(1, b"ONE")
    b.process.protocol.childDataReceived(1, b"TWO")
    assert b.process.killed
    b.process.end()
    assert isinstance(b.outcomes[0], StorageFull)


def test_what_takes_too_long_is_ended_and_the_next_begins() -> None:
    b = Bench()
    b.begin(iter([b"one"]))
    b.begin(iter([b"two"]))
    assert len(b.reactor.started) == 1
    first = b.process
    b.reactor.advance(SECONDS)
    assert first.killed
    first.end()
    assert isinstance(b.outcomes[0], Unavailable)
    assert len(b.reactor.started) == 2
    b.process.end()
    assert b.outcomes[1] is None


def test_no_more_wait_than_can_be_served_soon() -> None:
    b = Bench()
    for _ in range(WAITING + 2):
        b.begin(iter([b"x"]))
    assert len(b.outcomes) == 1
    assert isinstance(b.outcomes[0], Unavailable)


def test_stopping_ends_what_runs_and_what_waits() -> None:
    b = Bench()
    b.begin(iter([b"one"]))
    b.begin(iter([b"two"]))
    stopping = b.encrypting.stop()
    with pytest.raises(StopIteration):
        stopping.send(None)
    assert b.process.killed
    b.process.end()
    assert [type(one) for one in b.outcomes] == [Unavailable, Unavailable]
    assert len(b.reactor.started) == 1


def test_where_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    b = Bench()
    monkeypatch.setattr(b.reactor, "spawnProcess", refused)
    b.begin(iter([b"one"]))
    assert isinstance(b.outcomes[0], Unavailable)


# -- the process


def encipher(come: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mailhub.net.encipher"]
    return subprocess.run(command, input=come, capture_output=True, timeout=60)


def test_it_encrypts_what_it_reads() -> None:
    key = Key()
    data = b"0123456789" * 100_000
    public = key.public.encode()
    done = encipher(b"%d\n%b" % (len(public), public) + data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == done.stdout.count(b"\r\n") > len(data) / 64
    assert key.decrypted(done.stdout) == data


@pytest.mark.parametrize("come", [b"", b"3", b"x\n", b"10\nabc", b"3\nabcMESSAGE"])
def test_without_a_key_it_fails(come: bytes) -> None:
    done = encipher(come)
    assert done.returncode != 0
    assert done.stdout == b""


def test_both_its_processes_end_together() -> None:
    public = Key().public.encode()
    command = [sys.executable, "-m", "mailhub.net.encipher"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"%d\n%b" % (len(public), public) + b"x" * 500_000)
        process.stdin.flush()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 30
        while not children.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.stdout.read()  # ends when nobody holds the other end
        assert process.wait(30) == -signal.SIGKILL
