"""WebSocket connections to servers behind a site (RFC 6455): joined once that server agreed.

Until it has said 101 nothing of the visitor's is passed on but his request: otherwise he could talk
HTTP to that server past every rule of the site.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.http.call import Call
from mailhub.http.web.behind import CONNECT, PATIENCE, address, passed_on
from mailhub.http.web.found import said
from mailhub.model.errors import Unavailable
from mailhub.model.website import Proxy
from mailhub.wire import weburl

LONGEST = 16 * 1024
"""Octets of the head of an answer."""


def is_wanted(call: Call) -> bool:
    """Whether a call asks for a WebSocket (RFC 6455 4.2.1)."""
    return (
        call.method == "GET"
        and call.header("upgrade").lower() == "websocket"
        and "upgrade" in call.header("connection").lower()
    )


class Sockets:
    """Joins connections."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    async def join(self, request: Any, call: Call, proxy: Proxy) -> None:
        """Passes the request on, and all that follows where the other side agrees; else the visitor
        is told that it does not."""
        url = weburl.parse(proxy.url)
        endpoint = HostnameEndpoint(self._reactor, url.host, url.port, timeout=CONNECT)
        far = Far()
        try:
            await connectProtocol(endpoint, far)  # type: ignore[no-untyped-call]
            far.ask(_head(call, proxy))
            far.agreed.addTimeout(PATIENCE, self._reactor)
            head, rest = await far.agreed
        except Exception:
            far.end()
            request.respond(said(Unavailable("The server behind this page does not answer so")))
            request.finish()
            return
        channel = request.channel
        if channel is None:  # the visitor has gone
            far.end()
            return
        channel.site.note(request, 101)
        channel.transport.write(head + rest)
        far.join(channel)
        channel.take(far.transport)


class Far(Protocol):
    """The connection to the server behind. `agreed`: the head of its 101, and what came with it."""

    def __init__(self) -> None:
        self.agreed: Deferred[tuple[bytes, bytes]] = Deferred()
        self._came = b""
        self._channel: Any = None

    def ask(self, head: bytes) -> None:
        """Sends the request."""
        self._write(head)

    def join(self, channel: Any) -> None:
        """From here on what comes goes to the visitor."""
        self._channel = channel

    def end(self) -> None:
        """Closes it."""
        if self.transport is not None:
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        if self._channel is not None:
            self._channel.transport.write(data)
            return
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if end and head.split(b" ", 2)[1:2] == [b"101"]:
            self._tell((head + end, rest))
        elif end or len(self._came) > LONGEST:
            self._tell(_refused())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See IProtocol."""
        self._tell(_refused())
        if self._channel is not None:
            self._channel.loseConnection()

    def _tell(self, what: Any) -> None:
        if not self.agreed.called:
            self.agreed.callback(what)

    def _write(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]


def _refused() -> Any:
    return Failure(Unavailable())  # type: ignore[no-untyped-call]


def _head(call: Call, proxy: Proxy) -> bytes:
    url = weburl.parse(address(call, proxy))
    lines = [f"GET {url.target} HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"{name}: {value}" for name, value in passed_on(call, proxy)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
