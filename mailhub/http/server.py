"""HTTP on a Twisted transport: what twisted.web leaves open is closed here.

A cap on bodies that holds before they are kept, an absolute time for a request to arrive, one
Host, no other protocol than HTTP/1, no version in the answers, and a log without secrets.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from mailhub.http.call import EVENTS, Answer, Call, json_answer
from mailhub.http.inflow import Bounds, Content, Upload
from mailhub.http.outflow import End, Outflow, drop
from mailhub.model.envelope import Peer
from mailhub.model.errors import MailhubError
from mailhub.net.peer import peer_of
from mailhub.ports import Clock, Log

LINGER = 2.0
"""Seconds in which a refused body is read and dropped, so that its sender can read the refusal."""
TURN = 0.003
"""Seconds of pipelined requests after which other connections have a turn."""
SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_METHOD = re.compile(rb"[A-Z]{1,20}")
_REFUSED = {
    400: json_answer({"error": "Bad request", "code": "BadRequest"}, 400),
    413: json_answer({"error": "The body is too large", "code": "TooLarge"}, 413),
    500: json_answer({"error": "Internal failure", "code": "InternalError"}, 500),
    503: json_answer({"error": "The server has no room", "code": "ServiceUnavailable"}, 503),
}


class Channel(HTTPChannel):
    """One connection. The timer runs from a request's first byte to its last and is not moved by
    the bytes between, so nobody holds a connection by sending slowly."""

    site: BoundedSite
    transport: Any
    _receiving = False
    _ended = False
    _turn_began = 0.0
    _peer: Peer | None = None

    @property
    def is_full(self) -> bool:
        """Whether the peer has yet to take what was written."""
        return bool(self._waitingForTransport)

    @property
    def peer(self) -> Peer:
        """The other end, asked for once: the handshake, if any, is over when a request comes."""
        if self._peer is None:
            self._peer = peer_of(self.transport)
        return self._peer

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._ended = True
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if not self._ended:
            self._turn_began = self.site.reactor.seconds()
            super().dataReceived(data)

    def requestDone(self, request: Any) -> None:
        """The next request of a pipeline begins here: at once, or when others had their turn."""
        reactor = self.site.reactor
        if reactor.seconds() - self._turn_began > TURN:
            reactor.callLater(0, self._go_on, request)
        else:
            super().requestDone(request)

    def _go_on(self, request: Any) -> None:
        if not self._ended:
            self._turn_began = self.site.reactor.seconds()
            super().requestDone(request)

    def lineReceived(self, line: bytes) -> None:
        """Lines that came in one piece with a bad one are no requests any more."""
        if not self._ended:
            super().lineReceived(line)

    def resetTimeout(self) -> None:
        if not self._receiving:
            self._receiving = True
            super().resetTimeout()

    def allContentReceived(self) -> None:
        self._receiving = False
        super().allContentReceived()

    def refuse(self, answer: Answer, linger: float = 0.0) -> None:
        """Answers what is no request that could be routed, and closes.

        `linger`: seconds in which more input is dropped before that; closing with unread input
        would reset the connection, and take the answer with it.
        """
        request: Any = self.requests[-1] if self.requests else self.requestFactory(self)
        self.site.note(request, answer.status)
        self.transport.write(_raw(answer))
        if linger:
            self.site.reactor.callLater(linger, self.loseConnection)
        else:
            self.loseConnection()

    def loseConnection(self) -> None:
        if not self._ended:
            self._ended = True
            super().loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        if not self._ended:
            self.refuse(_REFUSED[400])

    def retire(self) -> None:
        """The server stops: idle connections close, others after the answer in progress."""
        if not self.requests:
            self.loseConnection()
            return
        self.persistent = False
        headers = self.requests[-1].responseHeaders
        headers.setRawHeaders(b"connection", [b"close"])
        self.requests[-1].retire()

    def abort(self) -> None:
        """Closes at once, so that half an answer is not taken for a whole one."""
        if not self._ended:
            self._ended = True
            self.transport.abortConnection()


class BoundedRequest(Request):
    """One request."""

    channel: Any
    content: Content
    site: BoundedSite
    route = "-"
    _outflow: Outflow | None = None
    _endless = False
    _retired = False
    _limit = 0

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
        large = length != 0 and self._is_large(bounds)
        self._limit = bounds.upload if large else bounds.body
        if length is not None and length > self._limit:
            self._refuse_body(413)
            large = False
        self.content = Upload(bounds.spools.open()) if large else BytesIO()

    def _is_large(self, bounds: Bounds) -> bool:
        path = self.channel._path.partition(b"?")[0]
        method = self.method.decode("latin-1")
        return bounds.is_large(method, unquote_to_bytes(path).decode("utf-8", "replace"))

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._refused:
            return
        if self._received > self._limit:
            self._refuse_body(413)
            return
        try:
            self.content.write(data)
        except MailhubError:
            self._refuse_body(503)

    def _refuse_body(self, status: int) -> None:
        """At once, and not when all of it came: what still comes is dropped."""
        self._refused = True
        self.requestHeaders.removeHeader(b"expect")
        self.channel.refuse(_REFUSED[status], LINGER)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            self.channel.loseConnection()
            return
        super().requestReceived(command, path, version)

    def process(self) -> None:
        self.site = self.channel.site
        if self._malformed():
            self.respond(_REFUSED[400])
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
        """The request as a value."""
        headers: dict[str, list[str]] = {}
        for name, values in self.requestHeaders.getAllRawHeaders():
            key = name.decode("latin-1").lower()
            headers[key] = [value.decode("utf-8", "replace") for value in values]
        content, self.content = self.content, BytesIO()
        upload = content.body() if isinstance(content, Upload) else None
        return Call(
            method=self.method.decode("ascii"),
            path=unquote_to_bytes(self.path).decode(),
            peer=self.peer,
            arguments=arguments,
            query=self.uri.partition(b"?")[2].decode("ascii"),
            headers=headers,
            body=content.read() if isinstance(content, BytesIO) else b"",
            upload=upload,
        )

    def respond(self, answer: Answer) -> Deferred[None] | None:
        """Writes the response, unless one was written or the peer has gone. A stream is waited
        for; when it breaks the connection does too, and that wait has no end."""
        if self.startedWriting or self._disconnected:
            return None if answer.stream is None else Deferred.fromCoroutine(drop(answer))
        self.setResponseCode(answer.status)
        self.responseHeaders.removeHeader(b"server")
        for name, value in _headers(answer):
            self.setHeader(name, value)
        self.write(answer.body)
        if answer.stream is None:
            return None
        if self.method == b"HEAD":
            return Deferred.fromCoroutine(drop(answer))
        return Deferred.fromCoroutine(self._pour(answer))

    async def _pour(self, answer: Answer) -> None:
        site = self.channel.site
        self._outflow = Outflow(self, answer, site.reactor, site.timeOut)
        self._endless = answer.type == EVENTS
        if self._retired:
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
        """The peer went: nobody wants the rest of a stream."""
        if self._outflow is not None:
            self._outflow.stop(End.GONE)
        super().connectionLost(reason)

    def processingFailed(self, reason: Failure) -> None:
        """What no dialect could answer; the traceback goes to the log alone."""
        self._log.failure("A request failed", failure=reason)
        self.respond(_REFUSED[500])
        self.finish()


class BoundedSite(Site):
    """Makes the connections of one listener."""

    noisy = False
    protocol = Channel  # type: ignore[assignment]

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


def _headers(answer: Answer) -> list[tuple[str, str]]:
    given = [*SECURITY_HEADERS, *answer.headers]
    if answer.status != 204:
        given.append(("Content-Type", answer.type))
        length = len(answer.body) if answer.stream is None else answer.length
        if length is not None:
            given.append(("Content-Length", str(length)))
    return given


def _raw(answer: Answer) -> bytes:
    """A response outside of twisted.web's own writing."""
    reason = RESPONSES[answer.status].decode("ascii")
    lines = [f"HTTP/1.1 {answer.status} {reason}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in _headers(answer)]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
