"""Sends an answer that comes in pieces: as fast as its peer takes them, and no faster.

A piece is asked for when the one before it is on its way; while the peer does not take what was
written, nothing is asked for. Whoever makes the pieces hears by `aclose` that nobody wants more.
Knows nothing of routes, and nothing of what the pieces are.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mailhub.http.call import Answer

log = Logger()


class End(Enum):
    """How a stream ended. COMPLETE: all of it was written; STOPPED: somebody ended it;
    GONE: the peer went away; STALLED: it took nothing for too long; BROKEN: less or more came than
    was promised, or an error."""

    COMPLETE = auto()
    STOPPED = auto()
    GONE = auto()
    STALLED = auto()
    BROKEN = auto()


@implementer(IPushProducer)
class Outflow:
    """One answer's stream on its way. `patience`: seconds in which a peer has to take what was
    written."""

    def __init__(
        self, request: Any, answer: Answer, reactor: IReactorTime, patience: float
    ) -> None:
        assert answer.stream is not None
        self._request = request
        self._answer = answer
        self._pieces = answer.stream
        self._length = answer.length
        self._reactor: Any = reactor
        self._patience = patience
        self._sent = 0
        self._end: End | None = None
        self._room: Deferred[None] | None = None
        self._timer: Any = None
        self._writing = False
        self._work: Deferred[None] | None = None

    async def run(self) -> End:
        """Writes until the end; the iterator is closed when this returns."""
        self._request.registerProducer(self, True)
        if self._answer.leash is not None:
            self._answer.leash.hold(lambda: self.stop(End.STOPPED))
        self._work = Deferred.fromCoroutine(self._pour())
        try:
            await self._work
            self._ends(End.COMPLETE if self._length in (None, self._sent) else End.BROKEN)
        except CancelledError:
            self._ends(End.GONE)
        except Exception:
            self._ends(End.BROKEN)
            log.failure("A stream broke")
        self._forget_timer()
        if self._request.channel is not None:
            self._request.unregisterProducer()
        await drop(self._answer)
        assert self._end is not None
        return self._end

    def _is_over(self) -> bool:
        return self._end is not None

    def stop(self, end: End) -> None:
        """Ends it now, wherever it waits."""
        if self._end is None:
            self._end = end
            if self._work is not None and not self._writing:
                self._work.cancel()

    async def _pour(self) -> None:
        if self._request.channel.is_full:
            self.pauseProducing()
        await self._room_for_more()
        if self._is_over():
            return
        async for piece in self._pieces:
            if self._is_too_much(piece):
                return
            self._write(piece)
            await self._room_for_more()
            if self._is_over():
                return

    def _write(self, piece: bytes) -> None:
        """The transport may tell while it writes that the connection is lost."""
        self._writing = True
        try:
            self._request.write(piece)
        finally:
            self._writing = False

    def _is_too_much(self, piece: bytes) -> bool:
        """More than was promised would be read as the next answer."""
        self._sent += len(piece)
        return self._length is not None and self._sent > self._length

    async def _room_for_more(self) -> None:
        while self._timer is not None and not self._is_over():
            self._room = Deferred()
            await self._room

    def _ends(self, end: End) -> None:
        if self._end is None:
            self._end = end

    def _forget_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # -- IPushProducer

    def pauseProducing(self) -> None:
        """The peer does not keep up."""
        if self._timer is None:
            self._timer = self._reactor.callLater(self._patience, self.stop, End.STALLED)

    def resumeProducing(self) -> None:
        """What was written is on its way."""
        self._forget_timer()
        if self._room is not None:
            room, self._room = self._room, None
            room.callback(None)

    def stopProducing(self) -> None:
        """The connection is lost."""
        self.stop(End.GONE)


async def drop(answer: Answer) -> None:
    """Closes a stream that nobody reads any more."""
    if answer.leash is not None:
        answer.leash.let_go()
    close = getattr(answer.stream, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except Exception:
        log.failure("A stream could not be closed")
