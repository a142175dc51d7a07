"""Fetches a document from a stranger's web server without harm, or hands it one: `ports.Fetch` and
`ports.Posting`.

A name is resolved once, private addresses are dropped, and what was checked is what is connected
to, so that no name leads into our own network (SSRF). HTTPS with a verified certificate, where one
is asked for; no redirects, no cookies, no proxies; time and octets are bounded. Knows nothing of
what it fetches.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, DeferredSemaphore, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from mailhub.model.errors import Unavailable, Untrusted
from mailhub.net.outward import (
    OVERHEAD,
    Bounded,
    Collected,
    Unwanted,
    Whoever,
    Written,
    addresses,
    ask,
    trust,
)
from mailhub.ports import Resolver
from mailhub.wire.networks import is_public

PORT = 443
TOGETHER = 16
"""Documents fetched at a time; the others wait."""


class SafeFetch:
    """`private`: whether private addresses may be spoken to. `authorities`: PEM certificates that
    servers are verified by, empty: the system's; `verify`: whether they are. `port`: where HTTPS
    is spoken."""

    def __init__(
        self,
        resolver: Resolver,
        reactor: Any,
        *,
        private: bool = False,
        authorities: bytes = b"",
        verify: bool = True,
        port: int = PORT,
    ) -> None:
        self._resolver = resolver
        self._reactor = reactor
        self._private = private
        self._trust = trust(authorities)
        self._verify = verify
        self._port = port
        self._turns = DeferredSemaphore(TOGETHER)
        self._shared: dict[str, list[Deferred[bytes]]] = {}

    def get(self, url: str, *, kind: str, size: int, seconds: float) -> Deferred[bytes]:
        """See `ports.Fetch`. The same URL at the same time is fetched once for all."""
        host = _host(url)
        if not host:
            return fail(Unavailable("Only https: and its usual port are fetched"))
        waiter: Deferred[bytes] = Deferred(lambda it: self._leave(url, it))
        waiters = self._shared.get(url)
        if waiters is not None:
            waiters.append(waiter)
            return waiter
        self._shared[url] = [waiter]

        async def work() -> bytes:
            return await self._get(host, url, kind, size)

        fetched: Deferred[bytes] = self._turns.run(lambda: Deferred.fromCoroutine(work()))
        fetched.addTimeout(seconds, self._reactor, _late)
        fetched.addBoth(self._tell, url)
        return waiter

    def post(self, url: str, data: bytes, *, kind: str, seconds: float) -> Deferred[None]:
        """See `ports.Posting`."""
        host = _host(url)
        if not host:
            return fail(Unavailable("Only https: and its usual port are posted to"))

        async def work() -> None:
            await self._post(host, url, kind, data)

        posted: Deferred[None] = self._turns.run(lambda: Deferred.fromCoroutine(work()))
        posted.addTimeout(seconds, self._reactor, _late)
        posted.addErrback(_raise)
        return posted

    def _leave(self, url: str, waiter: Deferred[bytes]) -> None:
        waiters = self._shared.get(url, [])
        if waiter in waiters:
            waiters.remove(waiter)

    def _tell(self, result: bytes | Failure, url: str) -> None:
        for waiter in self._shared.pop(url):
            if isinstance(result, Failure):
                waiter.errback(_kind(result))
            else:
                waiter.callback(result)

    # -- one document

    async def _get(self, host: str, url: str, kind: str, size: int) -> bytes:
        headers = Headers({"User-Agent": ["mailhub"], "Accept": [kind]})
        response = await self._ask(host, b"GET", url, headers, None, size)
        said = response.headers.getRawHeaders(b"content-type", [b""])[-1]
        if response.code != 200:
            response.deliverBody(Unwanted())
            raise Unavailable(f"{host} answers {response.code}")
        if said.partition(b";")[0].strip().lower() != kind.encode():
            response.deliverBody(Unwanted())
            raise Unavailable(f"{host} answers with another type than {kind}")
        body = Collected(size)
        response.deliverBody(body)
        return await body.done

    async def _post(self, host: str, url: str, kind: str, data: bytes) -> None:
        headers = Headers({"User-Agent": ["mailhub"], "Content-Type": [kind]})
        response = await self._ask(host, b"POST", url, headers, data, 0)
        response.deliverBody(Unwanted())
        if response.code not in range(200, 300):
            raise Unavailable(f"{host} answers {response.code}")

    async def _ask(
        self, host: str, verb: bytes, url: str, headers: Headers, data: bytes | None, size: int
    ) -> Any:
        """The response of the first address that can be connected to."""
        found = await addresses(self._resolver, host, lambda one: self._private or is_public(one))
        endpoints = [self._endpoint(address, host, size + OVERHEAD) for address in found]
        body = Written(data) if data is not None else None
        return await ask(self._reactor, endpoints, host, verb, url, headers, body)

    def _endpoint(self, address: str, host: str, most: int) -> IStreamClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        plain = kind(self._reactor, address, self._port)
        options: Any = Whoever(host)
        if self._verify:
            options = optionsForClientTLS(host, trustRoot=self._trust)
        return Bounded(plain, options, most, self._reactor)


def _host(url: str) -> str:
    """Whom the URL names; empty where it may not be used."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if parts.scheme == "https" and parts.netloc == host else ""


def _late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise Unavailable(f"No document in {seconds:g} s")
    return result


def _kind(failure: Failure) -> Exception:
    """A new exception for everyone who waited."""
    error = failure.value
    if isinstance(error, Untrusted):
        return Untrusted(error.text)
    if isinstance(error, Unavailable):
        return Unavailable(error.text)
    return Unavailable(f"The document could not be fetched ({type(error).__name__})")


def _raise(failure: Failure) -> None:
    raise _kind(failure)
