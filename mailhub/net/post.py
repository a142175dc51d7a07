"""The administrator's own programs that speak HTTP.

`net.fetch` is for other people's servers, and refuses what is private; here the administrator
named the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treq.client import HTTPClient
from treq.content import collect
from twisted.internet.defer import Deferred, DeferredSemaphore, ensureDeferred
from twisted.web.client import Agent, FileBodyProducer
from twisted.web.http_headers import Headers

from mailhub.model.errors import Unavailable
from mailhub.ports import Buffer

ANSWER = 1 << 20
"""Octets of an answer that are read."""


class ServerPost:
    """`ports.Post` to `url`. `seconds`: for one question, also for its wait while there are
    `concurrency` of them."""

    def __init__(
        self,
        url: str,
        seconds: float,
        concurrency: int,
        reactor: Any,
        client: HTTPClient | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._seconds = seconds
        self._places = DeferredSemaphore(concurrency)
        self._reactor = reactor
        self._client = client or _client(reactor)

    async def post(
        self, path: str, headers: Sequence[tuple[str, str]], pieces: Sequence[Buffer]
    ) -> bytes:
        """See `ports.Post`."""
        work: Deferred[bytes] = self._places.run(
            lambda: ensureDeferred(self._post(path, headers, pieces))
        )
        work.addTimeout(self._seconds, self._reactor)
        try:
            return await work
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable(f"It cannot be asked ({type(error).__name__})") from None

    async def _post(
        self, path: str, headers: Sequence[tuple[str, str]], pieces: Sequence[Buffer]
    ) -> bytes:
        fields = Headers()
        for name, value in headers:
            fields.addRawHeader(name.encode(), value.encode("utf-8", "replace"))
        response = await self._client.post(
            self._url + path,
            data=FileBodyProducer(_Pieces(pieces)),  # type: ignore[no-untyped-call]
            headers=fields,
            allow_redirects=False,
            unbuffered=True,
        )
        body = bytearray()

        def take(piece: bytes) -> None:
            if len(body) <= ANSWER:
                body.extend(piece)

        await collect(response, take)
        if response.code != 200:
            raise Unavailable(f"It answers {response.code}")
        if len(body) > ANSWER:
            raise Unavailable("Its answer is too long")
        return bytes(body)


class _Pieces:
    """Buffers as the file that FileBodyProducer reads, without a copy of the whole."""

    def __init__(self, pieces: Sequence[Buffer]) -> None:
        self._pieces = [memoryview(piece) for piece in pieces]
        self._size = sum(len(piece) for piece in self._pieces)
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> None:
        """Only as FileBodyProducer finds out the length: to the end and back."""
        self._at = self._size if whence == 2 else offset

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        start = self._at
        for piece in self._pieces:
            if start < len(piece):
                part = bytes(piece[start : start + size])
                self._at += len(part)
                return part
            start -= len(piece)
        return b""

    def close(self) -> None:
        self._pieces = []


def _client(reactor: Any) -> HTTPClient:
    # A kept connection may close just as it is used again, and a POST is then not repeated.
    return HTTPClient(Agent(reactor))  # type: ignore[no-untyped-call]
