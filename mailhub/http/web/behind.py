"""Asks the servers that stand behind a web site, and passes on what they answer as it comes.

Which are asked for what, the settings say. No cache, no cookies; nothing is followed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH

from mailhub.http.call import Answer, Call
from mailhub.http.web.pages import WITHOUT
from mailhub.model.errors import Unavailable
from mailhub.model.website import Proxy
from mailhub.wire import weburl

CONNECT = 10.0
"""Seconds for a server behind us to take a connection."""
PATIENCE = 60.0
"""Seconds for it to begin with its answer."""
SILENCE = 600.0
"""Seconds in which the next piece of it has to come: streams of events are quiet for long."""
KEPT = 256 * 1024
"""Octets that wait for a slow visitor before the server behind us waits too."""
HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Header fields of one connection (RFC 9110 7.6.1), and what is made anew for the next."""
OURS = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"})
"""Whoever asks cannot say these himself."""


class Behind:
    """A pool of connections to servers behind us."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._agent: Any = Agent(  # type: ignore[no-untyped-call]
            reactor, connectTimeout=CONNECT, pool=self._pool
        )

    def stop(self) -> Deferred[Any]:
        """Ends the idle connections."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]
        return closed

    async def ask(self, call: Call, proxy: Proxy) -> Answer:
        """What the server of `proxy` answers to a call. Raises Unavailable."""
        url = address(call, proxy)
        body = _body(call.body) if call.body or call.method in ("POST", "PUT", "PATCH") else None
        headers = Headers()
        for name, value in passed_on(call, proxy):
            headers.addRawHeader(name, value)
        asked = self._agent.request(call.method.encode(), url.encode(), headers, body)
        asked.addTimeout(PATIENCE, self._reactor)
        try:
            response = await asked
        except CancelledError:
            raise
        except Exception:
            raise Unavailable("The server behind this page does not answer") from None
        return _answer(proxy, response, self._reactor)


def address(call: Call, proxy: Proxy) -> str:
    """Its URL with what stands behind the path of `proxy`, and the query."""
    rest = quote(call.path[len(proxy.path) :], safe="/-._~!$&'()*+,;=:@")
    query = f"?{call.query}" if call.query else ""
    return f"{proxy.url}{rest}{query}"


def passed_on(call: Call, proxy: Proxy) -> Sequence[tuple[str, str]]:
    """The header fields of a call that are for the other side, and who asks."""
    listed = ",".join(call.headers.get("connection", ()))
    named = {one.strip().lower() for one in listed.split(",")}
    host = call.header("host")
    return [
        ("Host", host if proxy.keeps_host else weburl.parse(proxy.url).authority),
        *(
            (name, value)
            for name, values in call.headers.items()
            for value in values
            if name not in HOP | OURS | named
        ),
        ("X-Forwarded-For", call.peer.address),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Proto", "https" if call.peer.tls is not None else "http"),
    ]


def _body(data: bytes) -> Any:
    return FileBodyProducer(BytesIO(data))  # type: ignore[no-untyped-call]


def _answer(proxy: Proxy, response: Any, reactor: Any) -> Answer:
    kind = ""
    headers: list[tuple[str, str]] = [*WITHOUT]
    for raw, values in response.headers.getAllRawHeaders():
        name = raw.decode("latin-1")
        for value in (one.decode("utf-8", "replace") for one in values):
            if name.lower() == "content-type":
                kind = value
            elif name.lower() == "location" and not proxy.keeps_location:
                headers.append((name, _led(value, proxy)))
            elif name.lower() not in HOP:
                headers.append((name, value))
    given = {name.lower() for name, value in headers if value}
    headers = [pair for pair in headers if pair[1] or pair[0].lower() not in given]
    if proxy.framed:
        headers.append(("X-Frame-Options", "SAMEORIGIN"))
    length = None if response.length is UNKNOWN_LENGTH else int(response.length)
    return Answer(
        response.code,
        type=kind,
        headers=tuple(headers),
        stream=Inflow(response, reactor),
        length=length,
    )


def _led(location: str, proxy: Proxy) -> str:
    """Where the server behind us leads, by its own address, as visitors know it."""
    if location.startswith(proxy.url):
        return proxy.path + location[len(proxy.url) :]
    return location


class Inflow(Protocol):
    """A response's body in pieces, for `Answer.stream`: no faster than they are taken."""

    def __init__(self, response: Any, reactor: Any) -> None:
        self._response = response
        self._reactor = reactor
        self._begun = False
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._is_paused = False
        self._over: bool | Exception = False
        self._waiting: Deferred[None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._begun:
            self._begun = True
            self._response.deliverBody(self)
        while not self._pieces:
            if isinstance(self._over, Exception):
                raise self._over
            if self._over:
                raise StopAsyncIteration
            self._waiting = Deferred()
            self._waiting.addTimeout(SILENCE, self._reactor)
            await self._waiting
        piece = self._pieces.popleft()
        self._size -= len(piece)
        if self._is_paused and self._size < KEPT // 2:
            self._is_paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]
        return piece

    async def aclose(self) -> None:
        """Nobody wants more: the server behind us is told by the end of the connection."""
        if self._over is not False:
            return
        self._over = True
        if not self._begun:
            self._begun = True
            self._response.deliverBody(self)
        transport: Any = self.transport
        if transport is not None and hasattr(transport, "abortConnection"):
            transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        if self._over is not False:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > KEPT and not self._is_paused:
            self._is_paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._tell()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, good or bad."""
        if self._over is False:
            if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
                self._over = True
            else:
                self._over = Unavailable("The server behind this page broke off")
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
