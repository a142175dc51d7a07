"""One HTTP connection on a Twisted transport: its time, its turns, its end, and what is no request.

What a request is made of is `server`'s.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from mailhub.http.call import Answer, json_answer
from mailhub.model.envelope import Peer
from mailhub.net.peer import peer_of

LINGER = 2.0
"""Seconds in which what was refused is read and dropped, so that its sender can read why."""
TURN = 0.003
"""Seconds of pipelined requests after which other connections have a turn."""
SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
REFUSED = {
    400: json_answer({"error": "Bad request", "code": "BadRequest"}, 400),
    413: json_answer({"error": "The body is too large", "code": "TooLarge"}, 413),
    414: json_answer({"error": "The address is too long", "code": "TooLarge"}, 414),
    431: json_answer({"error": "The headers are too large", "code": "TooLarge"}, 431),
    500: json_answer({"error": "Internal failure", "code": "InternalError"}, 500),
    503: json_answer({"error": "The server has no room", "code": "ServiceUnavailable"}, 503),
}
"""What is answered to what reaches no dialect."""


class Channel(HTTPChannel):
    """One connection. The timer runs from a request's first byte to its last and is not moved by
    the bytes between, so nobody holds a connection by sending slowly."""

    site: Any
    transport: Any
    _receiving = False
    _ended = False
    _turn_began = 0.0
    _onward: Any = None
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
        if self._onward is not None:
            self._onward.unregisterProducer()
            self._onward.loseConnection()
        super().connectionLost(reason)

    def take(self, onward: Any) -> None:
        """From here on nothing is HTTP: what comes goes to the transport `onward`, as fast as that
        takes it; what goes back is the caller's to write."""
        self._onward = onward
        self.setTimeout(None)
        self.registerProducer(onward, True)
        onward.registerProducer(self._networkProducer, True)
        early, self._dataBuffer = b"".join(self._dataBuffer), []
        self._networkProducer.resumeProducing()
        if early:
            onward.write(early)

    def dataReceived(self, data: bytes) -> None:
        if self._onward is not None:
            self._onward.write(data)
        elif not self._ended:
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

    def pause_reading(self) -> None:
        """Takes no more of what the peer sends."""
        self._networkProducer.pauseProducing()

    def go_on_reading(self) -> None:
        """Takes it again."""
        self._networkProducer.resumeProducing()

    def lineLengthExceeded(self, line: bytes) -> None:
        """The first line is too long, or a header: what still comes of it is dropped."""
        if not self._ended:
            self.dataReceived = _drop  # type: ignore[method-assign]
            self.refuse(REFUSED[431 if self.requests else 414], LINGER)

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
            self.refuse(REFUSED[400])

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """See HTTPChannel. Nobody stays at a server that takes no new work."""
        if self.site.draining:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def retire(self) -> None:
        """The server stops: idle connections close, others after the answer in progress."""
        if not self.requests or self._onward is not None:
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


def headers_of(answer: Answer) -> list[tuple[str, str]]:
    """Every header field of the answer but those of the connection. One of its own takes the place
    of ours; an empty one leaves it out."""
    own = {name.lower() for name, _ in answer.headers}
    given = [pair for pair in SECURITY_HEADERS if pair[0].lower() not in own]
    given += [pair for pair in answer.headers if pair[1]]
    if answer.status not in (204, 304):
        if answer.type:
            given.append(("Content-Type", answer.type))
        length = len(answer.body) if answer.stream is None else answer.length
        if length is not None:
            given.append(("Content-Length", str(length)))
    return given


def _raw(answer: Answer) -> bytes:
    """A response outside of twisted.web's own writing."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers_of(answer)]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body


def _drop(data: bytes) -> None:
    """Nobody reads it any more."""
