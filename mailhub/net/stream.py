"""The pump between a transport and a sans-io machine; knows no protocol's grammar.

A face's `server` subclasses `Stream` and supplies `machine` and `talk`. Bytes that arrive go to
the machine; its events are answered strictly one after the other by the talk, and what that
writes leaves in one write per turn. Reading pauses while input or output queues up.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any
from typing import Protocol as Shape

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

INPUT_LIMIT = 256 * 1024
"""Unread input in bytes past which reading pauses; a machine bounds single items itself."""
OUTPUT_SLICE = 128 * 1024
"""Bytes written in one turn before they are handed to the transport early."""


class Machine(Shape):
    """The sans-io half: bytes in, events out. `pending`: input bytes not yet turned into events."""

    def receive(self, data: bytes) -> None: ...
    def next_event(self) -> Any: ...
    @property
    def pending(self) -> int: ...


class Talk(Shape):
    """The answering half: one event at a time."""

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
        self._out: list[bytes] = []
        self._out_size = 0
        self._running: Coroutine[Any, Any, None] | None = None
        self._in_step = False
        self._input_paused = False
        self._output_paused = False
        self._drained: Deferred[None] | None = None
        self._last_activity = 0.0
        self._idle_check: IDelayedCall | None = None
        self._closing = False

    # -- transport events

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]
        self._last_activity = self._reactor.seconds()
        self._idle_check = self._reactor.callLater(self.idle_timeout, self._check_idle)

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            return
        self._last_activity = self._reactor.seconds()
        self.machine.receive(data)
        if self._running is None:
            self._start()
        elif not self._input_paused and self.machine.pending > INPUT_LIMIT:
            self._input_paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closing = True
        if self._idle_check is not None and self._idle_check.active():
            self._idle_check.cancel()
        running, self._running = self._running, None
        if running is not None and not self._in_step:
            running.close()
        self.talk.lost()

    # -- the consumer side of back-pressure: the transport tells when its buffer is full

    def pauseProducing(self) -> None:
        self._output_paused = True

    def resumeProducing(self) -> None:
        self._output_paused = False
        waiting, self._drained = self._drained, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        self.resumeProducing()

    # -- what a talk uses

    def write(self, data: bytes) -> None:
        """Queues bytes for the end of this turn."""
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
            self.transport.write(data)  # type: ignore[union-attr]

    @property
    def congested(self) -> bool:
        """Whether the transport's buffer is full: await `drained()` before writing more."""
        return self._output_paused

    async def drained(self) -> None:
        """Returns when the transport takes more; at once when it does already."""
        self.flush()
        if self._output_paused and not self._closing:
            self._drained = Deferred()
            await self._drained

    def close(self) -> None:
        """Flushes and closes in good order; what still arrives is not read."""
        self.flush()
        self._closing = True
        self.transport.loseConnection()  # type: ignore[union-attr]

    # -- idleness: one timer per connection, moved only when it fires

    def idled(self) -> None:
        """The peer was silent for `idle_timeout` seconds; subclasses say goodbye and close."""
        self.close()

    def _check_idle(self) -> None:
        busy = self._running is not None and not self._output_paused
        if busy and not self.waiting_for_peer:
            self._last_activity = self._reactor.seconds()
        left = self._last_activity + self.idle_timeout - self._reactor.seconds()
        if left > 0:
            self._idle_check = self._reactor.callLater(left, self._check_idle)
        elif not self._closing:
            self.idled()
        else:
            self.transport.abortConnection()  # type: ignore[union-attr]

    @property
    def waiting_for_peer(self) -> bool:
        """Whether the talk that is running waits for the peer (IDLE) and not for the server."""
        return False

    # -- the pump

    async def _pump(self) -> None:
        machine, talk, need_data = self.machine, self.talk, self.need_data
        while not self._closing:
            event = machine.next_event()
            if event is need_data:
                return
            await talk.answer(event)
            if self._output_paused:
                await self.drained()
            machine, talk = self.machine, self.talk

    def _start(self) -> None:
        self._running = self._pump()
        self._step(None)

    def kick(self) -> None:
        """Runs the pump when the machine has events without new input (at the start, say)."""
        if self._running is None and not self._closing:
            self._start()

    def _step(self, result: object) -> None:
        """Drives the pump to its next wait, then flushes: one write for all that was answered."""
        running = self._running
        if running is None:
            return
        self._in_step = True
        try:
            if isinstance(result, Failure):
                waiting = result.throwExceptionIntoGenerator(  # type: ignore[no-untyped-call]
                    _as_generator(running)
                )
            else:
                waiting = running.send(result)
        except StopIteration:
            self._running = None
        except Exception:
            self._running = None
            self.log.failure("The session failed")
            self.failed()
        else:
            waiting.addBoth(self._step)
        finally:
            self._in_step = False
            if self._closing and self._running is not None:
                self._running = None
                running.close()
        if not self.transport.disconnected:  # type: ignore[union-attr]
            self.flush()
        if self._running is None and self._input_paused and not self._closing:
            self._input_paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def failed(self) -> None:
        """An unexpected exception ended the session's pump; subclasses may say so first."""
        self.close()


def _as_generator(
    coroutine: Coroutine[Any, Any, None],
) -> Generator[Any, Any, Any]:
    """A coroutine has the generator methods that Failure uses; only its type differs."""
    return coroutine  # type: ignore[return-value]
