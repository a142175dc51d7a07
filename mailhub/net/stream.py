"""The pump between a transport and a sans-io machine; knows no protocol's grammar.

A face's `server` subclasses `Stream` and supplies `machine` and `talk`. Bytes that arrive go to
the machine; its events are answered strictly one after the other by the talk, and what that
writes leaves in one write per turn. Reading pauses while input or output queues up, and a long
pipeline yields to other sessions every few milliseconds.

An answer that has begun always runs to its end, also when the peer went away: a commit is never
abandoned half-way and every `finally` runs after what it cleans up was done. Only waits that the
peer alone could end (IDLE, a full output buffer) are cut short.
"""

from __future__ import annotations

from collections.abc import Coroutine
from enum import Enum
from typing import Any
from typing import Protocol as Shape

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailhub.net import prompt

INPUT_LIMIT = 256 * 1024
"""Unread input in bytes past which reading pauses; a machine bounds single items itself."""
OUTPUT_SLICE = 128 * 1024
"""Bytes written in one turn before they are handed to the transport early."""
TURN = 0.003
"""Seconds after which a pipeline lets other sessions run."""
CLOSE_TIMEOUT = 10.0
"""Seconds a peer has to take the last bytes after `close`; then the connection is cut."""


class Gone(BaseException):
    """Raised into an answer that waits for a peer that will read no more; not an error, so
    `except Exception` lets it pass."""


class Life(Enum):
    """OPEN → CLOSING (nothing new is answered, output drains) → LOST (an answer may still run) →
    ENDED (the talk was told); CLOSING can be left out."""

    OPEN = "open"
    CLOSING = "closing"
    LOST = "lost"
    ENDED = "ended"


class Machine(Shape):
    """The sans-io half: bytes in, events out. `pending`: input bytes not yet turned into events."""

    def receive(self, data: bytes) -> None: ...
    def next_event(self) -> Any: ...
    @property
    def pending(self) -> int: ...


class Talk(Shape):
    """The answering half: one event at a time. `lost` is called once, when the connection is
    gone and no answer runs any more."""

    def answer(self, event: Any) -> Coroutine[Any, Any, None]: ...
    def lost(self) -> None: ...


class Stream(Protocol):
    """One connection. Subclasses set `machine` and `talk` before data arrives.

    `need_data` is the machine's sentinel for "no complete event yet".
    """

    log = Logger()
    machine: Machine
    talk: Talk
    need_data: object = None

    def __init__(self, reactor: IReactorTime, idle_timeout: float) -> None:
        self._reactor = reactor
        self.idle_timeout = idle_timeout
        self._life = Life.OPEN
        self._out: list[bytes] = []
        self._out_size = 0
        self._running: Coroutine[Any, Any, None] | None = None
        self._in_step = False
        self._turn_began = 0.0
        self._input_paused = False
        self._output_paused = False
        self._retiring = False
        self._draining = False
        self._drained: Deferred[None] | None = None
        self._last_activity = 0.0
        self._deadline: float | None = None
        self._timer: IDelayedCall | None = None

    # -- transport events

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]
        if ITCPTransport.providedBy(self.transport):
            # Every write is a whole turn's answers already; Nagle's algorithm would hold the
            # second of two turns until the peer's delayed acknowledgement, 40 ms later.
            self.transport.setTcpNoDelay(True)
        self._last_activity = self._reactor.seconds()
        self._timer = self._reactor.callLater(self.idle_timeout, self._check_time)

    def dataReceived(self, data: bytes) -> None:
        if self._life is not Life.OPEN:
            return
        self._last_activity = self._reactor.seconds()
        self.machine.receive(data)
        if self._running is None:
            self._start()
        elif not self._input_paused and self.machine.pending > INPUT_LIMIT:
            self._input_paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._life = Life.LOST
        self._set_timer(None)
        self._out.clear()
        running = self._running
        if running is not None and not self._in_step and self.waiting_for_peer:
            self._running = None
            running.close()
        if self._running is None and not self._in_step:
            self._end()
        else:
            self._wake()

    # -- the consumer side of back-pressure: the transport tells when its buffer is full

    def pauseProducing(self) -> None:
        self._output_paused = True

    def resumeProducing(self) -> None:
        self._output_paused = False
        self._last_activity = self._reactor.seconds()
        self._wake()

    def stopProducing(self) -> None:
        """The transport takes no more; `connectionLost` follows."""

    # -- what a talk uses

    def write(self, data: bytes) -> None:
        """Queues bytes for the end of this turn. Outside of an answer, call `flush` after it."""
        self._out.append(data)
        self._out_size += len(data)
        if self._out_size >= OUTPUT_SLICE:
            self.flush()

    def flush(self) -> None:
        """Hands everything queued to the transport in one write."""
        if self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._out_size = 0
            if self._life is Life.OPEN or self._life is Life.CLOSING:
                rest = prompt.send(self.transport, data)
                if rest:
                    self.transport.write(rest)  # type: ignore[union-attr]

    @property
    def congested(self) -> bool:
        """Whether writing more is pointless now: await `drained()` first."""
        return self._output_paused or self._life is not Life.OPEN

    async def drained(self) -> None:
        """Returns when the transport takes more, at once when it does already. Raises Gone where
        it never will."""
        self.flush()
        if self._output_paused and self._life is Life.OPEN:
            self._drained = Deferred()
            await self._drained
        if self._life is not Life.OPEN:
            raise Gone

    def close(self) -> None:
        """Flushes and closes in good order; what still arrives is not read."""
        if self._life is not Life.OPEN:
            return
        self.flush()
        self._life = Life.CLOSING
        # A transport with a producer waits for it to unregister before it closes.
        self.transport.unregisterProducer()  # type: ignore[union-attr]
        self._set_timer(self._reactor.seconds() + CLOSE_TIMEOUT)
        self.transport.loseConnection()  # type: ignore[union-attr]
        if not self._in_step:
            self._wake()

    def retire(self) -> None:
        """The server stops: the answer in progress ends, then `retired` says goodbye."""
        if self._life is not Life.OPEN:
            return
        if self._running is None or self.waiting_for_peer:
            self.retired()
            self.close()
        else:
            self._retiring = True

    def drain(self) -> None:
        """The server takes nothing new: the session ends, as by `retire`, once nothing is under way
        in it (`engaged`). Whoever asks, asks again from time to time."""
        self._draining = True
        if (self._running is None or self.waiting_for_peer) and not self.engaged:
            self.retire()

    @property
    def engaged(self) -> bool:
        """Whether the peer is amid something that would be lost with the connection: a command that
        has not come wholly, a transaction."""
        return self._life is Life.OPEN and self.machine.pending > 0

    @property
    def closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._life is not Life.OPEN

    # -- hooks: each ends with the connection closed

    def idled(self) -> None:
        """The peer was silent for `idle_timeout` seconds, or the deadline passed; subclasses
        write a goodbye."""

    def retired(self) -> None:
        """The server stops; subclasses write a goodbye (SMTP 421, IMAP BYE)."""

    def failed(self) -> None:
        """An unexpected exception ended the pump; subclasses may write an apology."""

    @property
    def waiting_for_peer(self) -> bool:
        """Whether the talk that is running waits for the peer (IDLE) and not for the server."""
        return False

    # -- time: one timer per connection, moved only when it fires

    def expire_in(self, seconds: float | None) -> None:
        """An absolute deadline from now, whatever the peer sends meanwhile; None lifts it."""
        now = self._reactor.seconds()
        self._deadline = None if seconds is None else now + seconds
        if self._life is Life.OPEN and seconds is not None:
            timer = self._timer
            if timer is None or not timer.active() or timer.getTime() > now + seconds:
                self._set_timer(self._deadline)

    def _set_timer(self, at: float | None) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if at is not None:
            wait = max(0.0, at - self._reactor.seconds())
            self._timer = self._reactor.callLater(wait, self._check_time)

    def _check_time(self) -> None:
        self._timer = None
        if self._life is Life.CLOSING:
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        now = self._reactor.seconds()
        working = self._running is not None and self._drained is None
        if working and not self.waiting_for_peer:
            self._last_activity = now
        ends = self._last_activity + self.idle_timeout
        if self._deadline is not None:
            ends = min(ends, self._deadline)
        if ends > now:
            self._set_timer(ends)
        else:
            self.idled()
            self.close()

    # -- the pump

    async def _pump(self) -> None:
        need_data = self.need_data
        seconds = self._reactor.seconds
        while self._life is Life.OPEN:
            event = self.machine.next_event()
            if event is need_data:
                return
            await self.talk.answer(event)
            if self._retiring or (self._draining and not self.engaged):
                self.retired()
                self.close()
                return
            if self._output_paused:
                await self.drained()
            if seconds() - self._turn_began > TURN:
                rest: Deferred[None] = Deferred()
                self._reactor.callLater(0, rest.callback, None)
                await rest

    def _start(self) -> None:
        self._running = self._pump()
        self._step(None)

    def kick(self) -> None:
        """Runs the pump when the machine has events without new input (at the start, say)."""
        if self._running is None and self._life is Life.OPEN:
            self._start()

    def _wake(self) -> None:
        waiting, self._drained = self._drained, None
        if waiting is not None:
            waiting.callback(None)

    def _end(self) -> None:
        self._life = Life.ENDED
        self.talk.lost()

    def _step(self, result: object) -> None:
        """Drives the pump to its next wait, then flushes: one write for all that was answered."""
        running = self._running
        if running is None:
            return
        self._in_step = True
        self._turn_began = self._reactor.seconds()
        waiting: Deferred[object] | None = None
        try:
            if isinstance(result, Failure):
                waiting = running.throw(_error(result))
            else:
                waiting = running.send(result)
        except (StopIteration, Gone):
            self._running = None
        except Exception:
            self._running = None
            self.log.failure("The session failed")
            self.failed()
            self.close()
        finally:
            self._in_step = False
        self._after_step(waiting)

    def _after_step(self, waiting: Deferred[object] | None) -> None:
        self.flush()
        if waiting is not None:
            waiting.addBoth(self._step)
        elif self._life is Life.LOST:
            self._end()
        elif self._input_paused and self._life is Life.OPEN:
            self._input_paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]


def _error(failure: Failure) -> BaseException:
    """The exception with the traceback of where it was raised."""
    error: BaseException = failure.value  # type: ignore[assignment]
    return error.with_traceback(failure.tb)
