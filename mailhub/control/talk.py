"""One control connection: which act a request is, and how its end is told."""

from __future__ import annotations

from typing import Protocol

from mailhub.control import wire
from mailhub.control.acts import Arguments, Services
from mailhub.control.catalog import ACTS, READS, TAKES
from mailhub.control.wire import Chunk, Malformed, Request
from mailhub.model.errors import Invalid, MailhubError
from mailhub.ports import Log, Spool


class Wire(Protocol):
    """What a talk needs of its connection."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    @property
    def congested(self) -> bool: ...
    async def drained(self) -> None: ...


class Talk:
    """The answering half. A message's chunks go to a spool until its last one came."""

    def __init__(self, services: Services, wire: Wire, log: Log) -> None:
        self._services = services
        self._wire = wire
        self._log = log
        self._request: Request | None = None
        self._spool: Spool | None = None
        self._fault: MailhubError | None = None

    async def answer(self, event: Request | Chunk | Malformed) -> None:
        """Answers one event."""
        match event:
            case Malformed(text):
                self._wire.write(wire.failed("Invalid", text))
                self._wire.close()
            case Request(size=0):
                await self._guarded(event)
            case Request():
                self._request = event
                if event.act in TAKES:
                    self._spool = self._services.spools.open()
            case Chunk(data, last):
                self._gather(data)
                if last and self._request is not None:
                    request, self._request = self._request, None
                    await self._guarded(request)

    def lost(self) -> None:
        """The connection is gone."""
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.abort()

    def _gather(self, data: bytes) -> None:
        """Takes bytes in; where the disk is full the rest is read and thrown away."""
        if self._spool is not None:
            try:
                self._spool.write(data)
            except MailhubError as error:
                self._fault = error
                self.lost()

    async def _guarded(self, request: Request) -> None:
        outcome = "done"
        try:
            await self._act(request)
        except MailhubError as error:
            outcome = type(error).__name__
            field = error.field if isinstance(error, Invalid) else ""
            self._wire.write(wire.failed(outcome, error.text, field))
        self._log.event("control", service="control", act=request.act, outcome=outcome)

    async def _act(self, request: Request) -> None:
        arguments = Arguments(request.arguments)
        if request.act in ACTS and not request.size:
            result = await ACTS[request.act](self._services, arguments)
            self._wire.write(wire.done(result))
        elif request.act in READS and not request.size:
            async for about, data in READS[request.act](self._services, arguments):
                self._wire.write(wire.item(about, data))
                if self._wire.congested:
                    await self._wire.drained()
            self._wire.write(wire.done(None))
        elif request.act in TAKES:
            await self._take(request, arguments)
        else:
            raise Invalid(f"there is no act {request.act}", "act")

    async def _take(self, request: Request, arguments: Arguments) -> None:
        spool, self._spool = self._spool, None
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        if spool is None:
            raise Invalid("the act needs bytes", "bytes")
        body = spool.finish()
        try:
            result = await TAKES[request.act](self._services, arguments, body)
        finally:
            body.close()
        self._wire.write(wire.done(result))
