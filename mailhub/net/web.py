"""Asks web servers that users and applications name: `ports.Web`, the guard of what goes out.

A stranger's URL may lead into our own network (SSRF), to a server that never answers or never
ends, or to another URL that does. So the URL is read strictly (`wire.weburl`), its host is
resolved once, what is private is dropped, and what was checked is connected to; every redirect
begins anew; time, octets and questions at a time are bounded. No cookies, no proxies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from mailhub.model.errors import Invalid, MailhubError, NotPermitted, Unavailable
from mailhub.model.settings import WebSettings
from mailhub.model.web import WebAnswer, WebRequest
from mailhub.net.outward import (
    OVERHEAD,
    Bounded,
    Collected,
    Unwanted,
    Written,
    addresses,
    ask,
    trust,
)
from mailhub.ports import Message, Resolver
from mailhub.wire import weburl
from mailhub.wire.networks import Networks, is_public
from mailhub.wire.weburl import WebURL

PIECE = 64 * 1024
"""Octets of a message that are read at once."""
WAITING = 1000
"""Questions that wait for their turn; more are Unavailable at once."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST_REST = 86400
"""Seconds that a server may ask to be left alone."""


class GuardedWeb:
    """`ports.Web`. `authorities`: PEM certificates that servers are verified by, empty: the
    system's. Raises Invalid at birth for a network that is none."""

    def __init__(
        self, settings: WebSettings, resolver: Resolver, reactor: Any, authorities: bytes = b""
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._reactor = reactor
        self._allowed = Networks(settings.allowed_networks)
        self._trust = trust(authorities)
        self._turns = _Turns(settings.concurrency, settings.host_concurrency)

    def check(self, url: str, field: str = "url") -> None:
        """See `ports.Web`."""
        self._read(url, field)

    def ask(self, request: WebRequest, message: Message | None = None) -> Deferred[WebAnswer]:
        """See `ports.Web`."""
        try:
            url = self._read(request.url, "url")
        except Invalid as error:
            return fail(error)
        return Deferred.fromCoroutine(self._ask(url, request, message))

    def _read(self, text: str, field: str) -> WebURL:
        url = weburl.parse(text, field)
        if url.scheme == "http" and not self._settings.clear:
            raise Invalid("Only https: is possible", field)
        if url.is_address and not self._may(url.host):
            raise Invalid("This address is not public", field)
        return url

    def _may(self, address: str) -> bool:
        return is_public(address) or address in self._allowed

    async def _ask(self, url: WebURL, request: WebRequest, message: Message | None) -> WebAnswer:
        async with self._turns.turn(url.host):
            work = Deferred.fromCoroutine(self._follow(url, request, message))
            work.addTimeout(request.seconds, self._reactor, _late)
            try:
                return await work
            except (MailhubError, CancelledError):
                raise
            except Exception as error:
                raise Unavailable(f"It cannot be asked ({type(error).__name__})") from None

    async def _follow(self, url: WebURL, request: WebRequest, message: Message | None) -> WebAnswer:
        left = request.redirects if request.method == "GET" else 0
        while True:
            response = await self._one(url, request, message)
            target = response.headers.getRawHeaders(b"location", [b""])[-1]
            if response.code not in REDIRECTS or left <= 0 or not target:
                return await _answer(url, response, request)
            response.deliverBody(Unwanted())
            left -= 1
            before, url = url, self._read(urljoin(str(url), target.decode("latin-1")), "url")
            if before.scheme == "https" and url.scheme == "http":
                raise Unavailable("The answer leads from https: to http:")

    async def _one(self, url: WebURL, request: WebRequest, message: Message | None) -> Any:
        headers = Headers({"User-Agent": ["mailhub"]})
        for name, value in request.headers:
            headers.addRawHeader(name.encode("ascii"), value.encode("utf-8"))
        body: _Read | Written | None = None
        if message is not None:
            body = _Read(message)
        elif request.body or request.method != "GET":
            body = Written(request.body)
        endpoints = [
            self._endpoint(address, url, request.size + OVERHEAD)
            for address in await self._addresses(url)
        ]
        verb = request.method.encode("ascii")
        return await ask(self._reactor, endpoints, url.host, verb, str(url), headers, body)

    async def _addresses(self, url: WebURL) -> Sequence[str]:
        if url.is_address:
            return (url.host,)
        refused: list[str] = []

        def may(address: str) -> bool:
            if not self._may(address):
                refused.append(address)
                return False
            return True

        found = await addresses(self._resolver, url.host, may)
        if refused and not found:
            raise NotPermitted(f"{url.host} has no public address")
        return found

    def _endpoint(self, address: str, url: WebURL, most: int) -> IStreamClientEndpoint:
        kind = TCP6ClientEndpoint if ip_address(address).version == 6 else TCP4ClientEndpoint
        plain = kind(self._reactor, address, url.port)
        options: Any = None
        if url.scheme == "https":
            options = optionsForClientTLS(url.host, trustRoot=self._trust)
        return Bounded(plain, options, most, self._reactor)


async def _answer(url: WebURL, response: Any, request: WebRequest) -> WebAnswer:
    kind = response.headers.getRawHeaders(b"content-type", [b""])[-1].partition(b";")[0]
    body = Collected(request.size, cut=request.cut)
    response.deliverBody(body)
    return WebAnswer(
        response.code,
        kind.strip().lower().decode("latin-1"),
        await body.done,
        str(url),
        _rest(response.headers.getRawHeaders(b"retry-after", [b""])[-1]),
    )


def _rest(text: bytes) -> int:
    """Seconds of a Retry-After field; its other form, a date, is not worth reading."""
    text = text.strip()
    return min(int(text), LONGEST_REST) if text.isdigit() and len(text) < 10 else 0


def _late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise Unavailable(f"No answer in {seconds:g} s")
    return result


class _Turns:
    """`most` questions at a time, and `each` of them to one host: one that answers slowly does not
    keep others from being asked."""

    def __init__(self, most: int, each: int) -> None:
        self._all = DeferredSemaphore(most)
        self._each = each
        self._hosts: dict[str, tuple[DeferredSemaphore, list[None]]] = {}
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Waits for it. Raises Unavailable where too many do."""
        if self._waiting >= WAITING:
            raise Unavailable("Too many questions wait already")
        own, users = self._hosts.setdefault(host, (DeferredSemaphore(self._each), []))
        users.append(None)
        try:
            await self._acquire(own)
            try:
                await self._acquire(self._all)
                try:
                    yield
                finally:
                    self._all.release()
            finally:
                own.release()
        finally:
            users.pop()
            if not users:
                del self._hosts[host]

    async def _acquire(self, semaphore: DeferredSemaphore) -> None:
        self._waiting += 1
        try:
            await semaphore.acquire()
        finally:
            self._waiting -= 1


@implementer(IBodyProducer)
class _Read:
    """A message, read as fast as the server takes it."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.length = message.size
        self._work: Deferred[None] | None = None
        self._paused: Deferred[None] | None = None
        self._stopped = False

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """See IBodyProducer."""
        done: Deferred[None] = Deferred()
        self._work = Deferred.fromCoroutine(self._pour(consumer))
        self._work.addBoth(lambda result: None if self._stopped else done.callback(result))
        return done

    async def _pour(self, consumer: Any) -> None:
        for start in range(0, self.length, PIECE):
            if self._paused is not None:
                await self._paused
            consumer.write(await self._message.read(start, min(start + PIECE, self.length)))

    def pauseProducing(self) -> None:
        """See IBodyProducer."""
        if self._paused is None:
            self._paused = Deferred()

    def resumeProducing(self) -> None:
        """See IBodyProducer."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.callback(None)

    def stopProducing(self) -> None:
        """See IBodyProducer: what was begun has no end that anybody hears of."""
        self._stopped = True
        if self._work is not None:
            self._work.cancel()
