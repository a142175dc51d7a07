"""Work in processes of its own: what takes long, or runs away on hostile input, is killed there
and hurts nobody here.

A process is started when there is work, does one piece after another, and ends when nothing came
for a while. What the work is stands in `net.chores`.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.errors import TooLarge, Unavailable
from mailhub.ports import Log

PROCESSES = 2
IDLE = 60.0
"""Seconds without work after which a process ends."""
WAITING = 200
"""Pieces of work that may wait."""
LARGEST = 16 * 1024 * 1024
"""Bytes of an answer."""


class ProcessWorkers:
    """`ports.Workers`."""

    def __init__(self, reactor: Any, log: Log, *, processes: int = PROCESSES) -> None:
        self._reactor = reactor
        self._log = log
        self._processes = processes
        self._waiting: deque[_Piece] = deque()
        self._workers: set[_Worker] = set()
        self._stopped = False

    def run(
        self, task: str, data: bytes, given: Mapping[str, Any], seconds: float
    ) -> Awaitable[bytes]:
        """See `ports.Workers`."""
        piece = _Piece(task, data, given, seconds)
        if self._stopped or len(self._waiting) >= WAITING:
            piece.done.errback(Unavailable("Too much work is waiting"))
            return piece.done
        self._waiting.append(piece)
        self._go()
        return piece.done

    async def stop(self) -> None:
        """Ends all processes; what waits fails."""
        self._stopped = True
        while self._waiting:
            self._waiting.popleft().done.errback(Unavailable("The server stops"))
        for worker in tuple(self._workers):
            worker.kill()

    def _go(self) -> None:
        free = next((one for one in self._workers if one.free), None)
        if free is None and len(self._workers) < self._processes:
            free = _Worker(self._reactor, self._idle, self._ended)
            self._workers.add(free)
            environment = {
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            command = [sys.executable, "-m", "mailhub.net.chores"]
            self._reactor.spawnProcess(free, sys.executable, command, env=environment)
        if free is not None and self._waiting:
            free.take(self._waiting.popleft())

    def _idle(self) -> None:
        if self._waiting:
            self._go()

    def _ended(self, worker: _Worker, why: str) -> None:
        self._workers.discard(worker)
        if why and not self._stopped:
            self._log.event("worker", outcome="ended", reason=why, level="warn")
        self._idle()


class _Piece:
    """Something to do, and who waits for it."""

    def __init__(self, task: str, data: bytes, given: Mapping[str, Any], seconds: float) -> None:
        order = {"task": task, "length": len(data), "given": given}
        self.order = json.dumps(order).encode() + b"\n"
        self.data = data
        self.seconds = seconds
        self.done: Deferred[bytes] = Deferred()


class _Worker(ProcessProtocol):
    """One process."""

    def __init__(self, reactor: Any, idle: Any, ended: Any) -> None:
        self._reactor = reactor
        self._idle = idle
        self._ended = ended
        self._piece: _Piece | None = None
        self._timer: Any = None
        self._said = bytearray()
        self._why = ""
        self._started = False

    @property
    def free(self) -> bool:
        """Whether it has nothing to do, and is not about to end."""
        return self._piece is None and not self._why

    def take(self, piece: _Piece) -> None:
        """Does one piece of work."""
        self._piece = piece
        self._said.clear()
        self._arm(piece.seconds, "it took too long")
        if self._started:
            self._send(piece)

    def kill(self, why: str = "the server stops") -> None:
        """Ends it; what it was doing fails."""
        self._why = self._why or why
        transport: Any = self.transport
        if transport is not None and transport.pid:
            transport.signalProcess("KILL")

    def connectionMade(self) -> None:
        self._started = True
        if self._why:
            self.kill()
        elif self._piece is not None:
            self._send(self._piece)

    def outReceived(self, data: bytes) -> None:
        if self._piece is None:
            self.kill("it speaks unasked")
            return
        self._said += data
        head, found, _ = bytes(self._said[:32]).partition(b"\n")
        if not found:
            return
        length = int(head) if head.lstrip(b"-").isdigit() else -1
        if length > LARGEST:
            self.kill("its answer is too large")
        elif length < 0:
            self._finish(TooLarge("The content cannot be worked on"))
        elif len(self._said) >= len(head) + 1 + length:
            self._finish(bytes(self._said[len(head) + 1 :]))

    def processEnded(self, reason: Failure) -> None:
        self._disarm()
        piece, self._piece = self._piece, None
        if piece is not None:
            piece.done.errback(TooLarge("The content cannot be worked on"))
        idle = self._why == "nothing to do" and piece is None
        self._ended(self, "" if idle else self._why or str(reason.value))

    def _send(self, piece: _Piece) -> None:
        transport: Any = self.transport
        transport.write(piece.order)
        transport.write(piece.data)

    def _finish(self, outcome: bytes | TooLarge) -> None:
        piece, self._piece = self._piece, None
        self._arm(IDLE, "nothing to do")
        assert piece is not None
        if isinstance(outcome, bytes):
            piece.done.callback(outcome)
        else:
            piece.done.errback(outcome)
        self._idle()

    def _arm(self, seconds: float, why: str) -> None:
        self._disarm()
        self._timer = self._reactor.callLater(seconds, self.kill, why)

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
