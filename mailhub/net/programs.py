"""Hands mail to the commands of aliases: a process for each, without a shell, in bounds.

Which alias has which command is core's to know; whether the mail is tried again, the queue's.
The environment and the exit statuses are described in `docs/programs.md`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, ensureDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.errors import MailhubError
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import QueueEntry
from mailhub.model.settings import ProgramSettings
from mailhub.net import confine
from mailhub.ports import Log, Message

PIECE = 64 * 1024
"""Octets of the message that are read and written at once."""
SAID = 1000
"""Octets of a program's output that are kept."""
PERMANENT = 5
"""Exit status that ends the delivery; 0 is success, every other is temporary."""
PATH = "/usr/local/bin:/usr/bin:/bin"


class ProcessPrograms:
    """`ports.Programs` by processes of the operating system."""

    def __init__(self, settings: ProgramSettings, reactor: Any, log: Log) -> None:
        self._settings = settings
        self._reactor = reactor
        self._log = log
        self._turns = DeferredSemaphore(max(1, settings.concurrency))
        self._running: set[_Process] = set()
        self._stopping = False

    def run(self, argv: Sequence[str], entry: QueueEntry, message: Message) -> Awaitable[Answer]:
        """See `ports.Programs`."""
        return self._turns.run(lambda: ensureDeferred(self._run(argv, entry, message)))

    async def stop(self) -> None:
        """Ends what runs: its mail stays in the queue."""
        self._stopping = True
        for process in tuple(self._running):
            process.kill("the server stops")

    async def _run(self, argv: Sequence[str], entry: QueueEntry, message: Message) -> Answer:
        settings = self._settings
        if self._stopping or not settings.enabled:
            return _later("Programs are not run now")
        path = _program(settings.folder, argv[0])
        if path is None:
            return self._told(argv, entry, _later(f"There is no program {argv[0]}"))
        limits = (settings.memory, settings.cpu, settings.files)
        process = _Process(entry, message, self._reactor)
        words = [sys.executable, "-I", "-S", confine.__file__, *map(str, limits), path, *argv[1:]]
        self._running.add(process)
        try:
            self._reactor.spawnProcess(
                process,
                sys.executable,
                [os.fsencode(word) for word in words],
                env=environment(entry),
                path=settings.folder,
                childFDs={0: "w", 1: "r", 2: "r"},
            )
            answer = await process.wait(settings.timeout)
        except OSError as error:
            answer = _later(f"The program cannot be started: {error.strerror}")
        finally:
            self._running.discard(process)
        return self._told(argv, entry, answer)

    def _told(self, argv: Sequence[str], entry: QueueEntry, answer: Answer) -> Answer:
        self._log.event(
            "program",
            program=argv[0],
            entry=entry.number,
            outcome="ok" if answer.delivered else answer.status,
            level="info" if answer.delivered else "warn",
        )
        return answer


def environment(entry: QueueEntry) -> dict[str, str]:
    """What a program is told beside the message."""
    local, _, domain = entry.recipient.rpartition("@")
    told = {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "SENDER": entry.sender.address,
        "RECIPIENT": entry.recipient,
        "LOCAL": local,
        "DOMAIN": domain,
        "MESSAGE_ID": entry.sender.message_id,
        "TRANSACTION": entry.sender.transaction,
        "ATTEMPT": str(entry.attempts + 1),
    }
    return {name: value.replace("\0", "") for name, value in told.items()}


def head(entry: QueueEntry) -> bytes:
    """What stands before the message, as in a mailbox (RFC 5321 4.4)."""
    return f"Return-Path: <{entry.sender.address}>\nDelivered-To: {entry.recipient}\n".encode()


class _Process(ProcessProtocol):
    """One run. Lines end with LF, as programs here expect it."""

    def __init__(self, entry: QueueEntry, message: Message, reactor: Any) -> None:
        self._head = head(entry)
        self._message = message
        self._reactor = reactor
        self._said = b""
        self._at = 0
        self._held = b""
        self._feeding = False
        self._closed = False
        self._killed = ""
        self._ended: Deferred[Answer] = Deferred()

    async def wait(self, seconds: float) -> Answer:
        """How it ended."""
        limit = self._reactor.callLater(seconds, self.kill, f"it took over {seconds} seconds")
        try:
            return await self._ended
        finally:
            if limit.active():
                limit.cancel()

    def kill(self, why: str) -> None:
        """Ends it, with all that it started and that stayed in its group."""
        transport: Any = self.transport
        if self._ended.called or transport is None or transport.pid is None:
            return
        self._killed = self._killed or why
        try:
            os.killpg(transport.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has no group of its own yet: it is not the program yet.
            transport.signalProcess("KILL")

    # -- the message goes in

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(self._head)
        transport.pipes[0].registerProducer(self, False)

    def resumeProducing(self) -> None:
        """The program has taken what was written: the next piece."""
        if not self._feeding:
            self._feeding = True
            ensureDeferred(self._feed()).addErrback(self._broken)

    def stopProducing(self) -> None:
        """It reads no more; its exit status tells whether it has seen enough."""
        self._closed = True

    async def _feed(self) -> None:
        transport: Any = self.transport
        stop = min(self._at + PIECE, self._message.size)
        piece = await self._message.read(self._at, stop) if self._at < stop else b""
        self._feeding = False
        if self._closed:
            return
        last = stop == self._message.size
        self._at = stop
        text = self._held + piece
        self._held = b"\r" if text.endswith(b"\r") and not last else b""
        transport.pipes[0].write(text[: len(text) - len(self._held)].replace(b"\r\n", b"\n"))
        if last:
            self._closed = True
            transport.pipes[0].unregisterProducer()
            transport.closeStdin()

    def _broken(self, failure: Failure) -> None:
        """The message cannot be read: half of it must not count as all of it."""
        known = isinstance(failure.value, MailhubError)
        self.kill("the message cannot be read" if known else f"a defect: {failure.value!r}")

    def childConnectionLost(self, childFD: int) -> None:
        if childFD == 0:
            self._closed = True

    # -- what it says

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._said += data[: SAID - len(self._said)]

    def processExited(self, reason: Failure) -> None:
        """The program itself has ended, whoever else still holds its output."""
        transport: Any = self.transport
        transport.loseConnection()
        if not self._ended.called:
            self._ended.callback(self._answer(reason.value))

    def _answer(self, end: Any) -> Answer:
        words = " ".join(self._said.decode("utf-8", "replace").split())
        said = "".join(mark if mark.isprintable() else "?" for mark in words)
        if self._killed:
            return _later(f"The program was ended: {self._killed}")
        if end.signal is not None:
            return _later(f"The program died of signal {end.signal}. {said}".rstrip())
        if end.exitCode == 0:
            return Answer(250, "2.0.0", said or "Delivered to the program", Stage.DOT)
        text = said or f"The program ended with status {end.exitCode}"
        if end.exitCode == PERMANENT:
            return Answer(554, "5.3.0", text, Stage.DOT)
        return _later(text)


def _later(text: str) -> Answer:
    return Answer(451, "4.3.0", text, Stage.DOT)


def _program(folder: str, name: str) -> str | None:
    """The file, if it is in the folder itself, is no link out of it, and can be run."""
    home = Path(folder).resolve()
    path = (home / name).resolve()
    usable = path.parent == home and path.is_file() and os.access(path, os.X_OK)
    return str(path) if folder and usable else None
