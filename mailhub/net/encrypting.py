"""Encrypts large messages in processes of their own: the library lets no other thread work.

A process reads one message on its standard input, and what it writes is passed on as it comes, so
that neither side ever holds all of it. Which messages these are is `core.sealing`'s to know.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, ensureDeferred, fail
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.ports import Log

PROCESSES = 2
WAITING = 100
"""Messages that may wait for a process."""
SECONDS = 120.0
"""Most that one message takes: the library encrypts about 100 MiB a second."""
SAID = 300
"""Octets of a complaint that are kept."""


class ProcessEncrypting:
    """`ports.Encrypting`."""

    def __init__(self, reactor: Any, log: Log, *, processes: int = PROCESSES) -> None:
        self._reactor = reactor
        self._log = log
        self._turns = DeferredSemaphore(processes)
        self._running: set[_Process] = set()
        self._stopped = False

    def encrypt(
        self, key: bytes, pieces: Iterator[bytes], take: Callable[[bytes], None]
    ) -> Awaitable[None]:
        """See `ports.Encrypting`."""
        if len(self._turns.waiting) >= WAITING:
            return fail(Unavailable("Too many messages wait to be encrypted"))
        return self._turns.run(lambda: ensureDeferred(self._encrypt(key, pieces, take)))

    async def stop(self) -> None:
        """Ends what runs; its mail is not taken."""
        self._stopped = True
        for process in tuple(self._running):
            process.end(Unavailable("The server stops"))

    async def _encrypt(
        self, key: bytes, pieces: Iterator[bytes], take: Callable[[bytes], None]
    ) -> None:
        if self._stopped:
            raise Unavailable("The server stops")
        process = _Process(key, pieces, take)
        self._running.add(process)
        limit = self._reactor.callLater(SECONDS, process.end, Unavailable("It took too long"))
        try:
            self._reactor.spawnProcess(
                process,
                sys.executable,
                [sys.executable, "-m", "mailhub.net.encipher"],
                env={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
                },
                childFDs={0: "w", 1: "r", 2: "r"},
            )
            await process.ended
        except OSError as error:
            raise Unavailable(f"Nothing can be encrypted: {error.strerror}") from None
        finally:
            self._running.discard(process)
            if limit.active():
                limit.cancel()
            if process.complaint:
                self._log.event("encryption", outcome=process.complaint, level="error")


class _Process(ProcessProtocol):
    """One message."""

    def __init__(self, key: bytes, pieces: Iterator[bytes], take: Callable[[bytes], None]) -> None:
        self._key = key
        self._pieces = pieces
        self._take = take
        self._error: BaseException | None = None
        self._said = b""
        self.complaint = ""
        self.ended: Deferred[None] = Deferred()

    def end(self, error: BaseException) -> None:
        """Ends it for this reason, with the process that it started."""
        self._error = self._error or error
        transport: Any = self.transport
        if transport is None or not transport.pid:
            return
        try:
            os.killpg(transport.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has no group of its own yet, and nobody beside it.
            transport.signalProcess("KILL")

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"%d\n%b" % (len(self._key), self._key))
        transport.pipes[0].registerProducer(self, False)

    # -- the message goes in

    def resumeProducing(self) -> None:
        """The process has taken what was written: the next piece."""
        transport: Any = self.transport
        pipe = transport.pipes.get(0)
        if pipe is None:
            return
        try:
            piece = next(self._pieces, b"")
        except Exception as error:
            self.end(error)  # before its input ends: half of a message must not count as all of it
            return
        if piece:
            pipe.write(piece)
        else:
            pipe.unregisterProducer()
            transport.closeStdin()

    def stopProducing(self) -> None:
        """It reads no more; how it ended tells the rest."""

    # -- and comes out

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD != 1:
            self._said = (self._said + data)[-SAID:]
        elif self._error is None:
            try:
                self._take(data)
            except Exception as error:  # a full disk, say: it is the caller's
                self.end(error)

    def processEnded(self, reason: Failure) -> None:
        if self._error is not None:
            self.ended.errback(self._error)
        elif isinstance(reason.value, ProcessDone):
            self.ended.callback(None)
        else:
            words = self._said.decode("utf-8", "replace").strip().rpartition("\n")[2]
            self.complaint = f"{reason.value} {words}".strip()
            self.ended.errback(Unavailable("The message cannot be encrypted now"))
