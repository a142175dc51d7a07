"""HTTP on a Twisted transport: what twisted.web leaves open is closed here.

A cap on bodies that holds before they are kept, an absolute time for a request to arrive, one
Host, no other protocol than HTTP/1, no version in the answers, and a log without secrets.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from mailhub.http.call import EVENTS, Answer, Call, Leash
from mailhub.http.connection import LINGER, REFUSED, Channel, headers_of
from mailhub.http.inflow import Admission, Bounds, Content, Upload
from mailhub.http.outflow import End, Outflow, drop
from mailhub.model.envelope import Peer
from mailhub.model.errors import MailhubError
from mailhub.ports import Clock, Log

PATIENCE = 60.0
"""Seconds in which a peer takes what was written, where silence is not bounded."""
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_METHOD = re.compile(rb"[A-Z]{1,20}")


class BoundedRequest(Request):
    """One request."""

    channel: Any
    content: Content
    site: BoundedSite
    route = "-"
    _outflow: Outflow | None = None
    _leash: Leash | None = None
    _endless = False
    _retired = False
    _limit = 0
    _whole = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = b"-"
        self.peer: Peer = self.channel.peer
        self.began = self.channel.site.clock.seconds()
        self._received = 0
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        """The headers are complete: the last moment to refuse a body before it is sent."""
        bounds: Bounds = self.channel.site.bounds
        self.method = self.channel._command
        self.uri = self.channel._path
        path = _text(self.uri.partition(b"?")[0])
        admission = bounds.find(self.method.decode("latin-1"), path) if length != 0 else None
        self._limit = bounds.body if admission is None else bounds.upload
        self.content = BytesIO()
        if length is not None and length > self._limit:
            self._refuse_body(self._too_large())
        elif admission is not None:
            self.content = Upload(bounds.spools.open())
            self._ask(admission)

    def _ask(self, admission: Admission) -> None:
        """Nothing more is read of a large body until its sender is known."""
        expected = self.requestHeaders.getRawHeaders(b"expect", [b""])[0].lower()
        # RFC 9110 section 10.1.1: whoever speaks HTTP/1.0 expects nothing, whatever he says.
        expects = expected == b"100-continue" and self.channel._version == b"HTTP/1.1"
        self.requestHeaders.removeHeader(b"expect")
        self.channel.pause_reading()
        asked: Deferred[Answer | Leash | None] = Deferred.fromCoroutine(
            _waiting(admission(self._head({})))
        )
        asked.addCallback(self._admitted, admission, expects)

    def _admitted(
        self, admitted: Answer | Leash | None, admission: Admission, expects: bool
    ) -> None:
        self._leash = admitted if isinstance(admitted, Leash) else None
        if self._disconnected or self._whole:
            self._let_go()
            return
        if isinstance(admitted, Answer):
            self._refuse_body(admitted)
        elif expects:
            self.channel._send100Continue()
        self.channel.go_on_reading()
        if self._leash is not None:
            self._leash.hold(lambda: self._ask_again(admission))

    def _ask_again(self, admission: Admission) -> None:
        """Who was let in may be nobody any more, long before the last octet."""
        self._let_go()
        if not (self._disconnected or self._whole or self._refused):
            self._ask(admission)

    def _let_go(self) -> None:
        leash, self._leash = self._leash, None
        if leash is not None:
            leash.let_go()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._refused:
            return
        if self._received > self._limit:
            self._refuse_body(self._too_large())
            return
        try:
            self.content.write(data)
        except MailhubError:
            self._refuse_body(REFUSED[503])

    def _too_large(self) -> Answer:
        return self.channel.site.bounds.overflow(self._head({})) or REFUSED[413]

    def _refuse_body(self, answer: Answer) -> None:
        """At once, and not when all of it came: what still comes is dropped."""
        self._refused = True
        self._let_go()
        self.requestHeaders.removeHeader(b"expect")
        self.channel.refuse(answer, LINGER)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._let_go()
        if self._refused:
            self.channel.loseConnection()
            return
        self._whole = True
        super().requestReceived(command, path, version)

    def process(self) -> None:
        self.site = self.channel.site
        if self._malformed():
            self.respond(REFUSED[400])
            self.finish()
            return
        super().process()

    def _malformed(self) -> bool:
        """RFC 9112 section 3.2: exactly one Host; and a target that can be routed."""
        hosts = self.requestHeaders.getRawHeaders(b"host", [])
        old = self.clientproto == b"HTTP/1.0" and not hosts
        if not old and (len(hosts) != 1 or not _HOST.fullmatch(hosts[0])):
            return True
        if not _METHOD.fullmatch(self.method) or not self.path.startswith(b"/"):
            return True
        try:
            self.uri.decode("ascii")
            unquote_to_bytes(self.path).decode()
        except UnicodeDecodeError:
            return True
        return b"\0" in unquote_to_bytes(self.path)

    def getRequestHostname(self) -> bytes:
        """Klein builds a URL from it that nothing here uses; what a client sent stays out."""
        return b"localhost"

    def call(self, arguments: dict[str, str]) -> Call:
        """See `routing.Exchange`."""
        content, self.content = self.content, BytesIO()
        if isinstance(content, Upload):
            return replace(self._head(arguments), upload=content.body())
        return replace(self._head(arguments), body=content.read())

    def _head(self, arguments: dict[str, str]) -> Call:
        path, _, query = self.uri.partition(b"?")
        headers: dict[str, list[str]] = {}
        for name, values in self.requestHeaders.getAllRawHeaders():
            key = name.decode("latin-1").lower()
            headers[key] = [value.decode("utf-8", "replace") for value in values]
        return Call(
            method=self.method.decode("ascii", "replace"),
            path=_text(path),
            peer=self.peer,
            arguments=arguments,
            query=query.decode("ascii", "replace"),
            headers=headers,
        )

    def respond(self, answer: Answer) -> Deferred[None] | None:
        """Writes the response, unless one was written or the peer has gone. A stream is waited
        for; when it breaks the connection does too, and that wait has no end."""
        if self.startedWriting or self._disconnected:
            return None if answer.stream is None else Deferred.fromCoroutine(drop(answer))
        self.setResponseCode(answer.status)
        self.responseHeaders.removeHeader(b"server")
        named: set[str] = set()
        for name, value in headers_of(answer):
            if name.lower() in named:
                self.responseHeaders.addRawHeader(name, value)
            else:
                self.setHeader(name, value)
            named.add(name.lower())
        self.write(answer.body)
        if answer.stream is None:
            return None
        if self.method == b"HEAD":
            return Deferred.fromCoroutine(drop(answer))
        return Deferred.fromCoroutine(self._pour(answer))

    async def _pour(self, answer: Answer) -> None:
        site = self.channel.site
        self._outflow = Outflow(self, answer, site.reactor, site.timeOut or PATIENCE)
        self._endless = answer.type == EVENTS
        if self._retired or site.draining:
            self.retire()
        end = await self._outflow.run()
        if end in (End.GONE, End.STALLED, End.BROKEN):
            site.note(self, answer.status)
            if end is not End.GONE:
                self.channel.abort()
            await Deferred()

    def retire(self) -> None:
        """The server stops: what has no end of its own ends now."""
        self._retired = True
        if self._outflow is not None and self._endless:
            self._outflow.stop(End.STOPPED)

    def connectionLost(self, reason: Failure) -> None:
        """The peer went: nobody wants the rest of a stream, nor brings that of a body."""
        self._let_go()
        if self._outflow is not None:
            self._outflow.stop(End.GONE)
        super().connectionLost(reason)

    def processingFailed(self, reason: Failure) -> None:
        """What no dialect could answer; the traceback goes to the log alone."""
        self._log.failure("A request failed", failure=reason)
        self.respond(REFUSED[500])
        self.finish()


class BoundedSite(Site):
    """Makes the connections of one listener."""

    noisy = False
    draining = False
    """Whether every answer ends its connection."""
    protocol = Channel  # type: ignore[assignment]

    def drain(self) -> None:
        """From now on every answer is the last on its connection, and no stream goes on."""
        self.draining = True

    def __init__(
        self,
        resource: IResource,
        *,
        bounds: Bounds,
        timeout: float,
        reactor: IReactorTime,
        clock: Clock,
        log: Log,
    ) -> None:
        super().__init__(
            resource,
            BoundedRequest,
            timeout=timeout,
            reactor=reactor,
            parsePOSTFormSubmission=False,
        )
        self.bounds = bounds
        self.clock = clock
        self._events = log

    def startFactory(self) -> None:
        """Site would open an access log here, with whole queries in it."""

    def stopFactory(self) -> None:
        """See `startFactory`."""

    def log(self, request: Any) -> None:
        """Called by each request when it is finished."""
        self.note(request, request.code)

    def note(self, request: BoundedRequest, status: int) -> None:
        """One event a request: the route and never the path or the query, which hold tokens."""
        self._events.event(
            "request",
            service="http",
            method=request.method.decode("ascii", "replace")[:20],
            route=request.route,
            outcome=str(status),
            duration=self.clock.seconds() - request.began,
            peer=request.peer.address,
        )


def _text(path: bytes) -> str:
    return unquote_to_bytes(path).decode("utf-8", "replace")


async def _waiting(awaitable: Awaitable[Answer | Leash | None]) -> Answer | Leash | None:
    return await awaitable
