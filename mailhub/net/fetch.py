"""Fetches a document from a stranger's web server without harm, or hands it one: `ports.Fetch` and
`ports.Posting`.

A name is resolved once, private addresses are dropped, and what was checked is what is connected
to, so that no name leads into our own network (SSRF). HTTPS with a verified certificate, where one
is asked for; no redirects, no cookies, no proxies; time and octets are bounded. Knows nothing of
what it fetches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from OpenSSL import SSL
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable, Untrusted
from mailhub.ports import Resolver
from mailhub.wire.networks import is_public

PORT = 443
TOGETHER = 16
"""Documents fetched at a time; the others wait."""
ADDRESSES = 4
"""Addresses of one host that are tried."""
OVERHEAD = 64 * 1024
"""Octets of status line and header fields that come with a document."""


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
        self._trust = _trust(authorities)
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
            response.deliverBody(_Unwanted())
            raise Unavailable(f"{host} answers {response.code}")
        if said.partition(b";")[0].strip().lower() != kind.encode():
            response.deliverBody(_Unwanted())
            raise Unavailable(f"{host} answers with another type than {kind}")
        body = _Body(size)
        response.deliverBody(body)
        return await body.done

    async def _post(self, host: str, url: str, kind: str, data: bytes) -> None:
        headers = Headers({"User-Agent": ["mailhub"], "Content-Type": [kind]})
        response = await self._ask(host, b"POST", url, headers, data, 0)
        response.deliverBody(_Unwanted())
        if response.code not in range(200, 300):
            raise Unavailable(f"{host} answers {response.code}")

    async def _ask(
        self, host: str, verb: bytes, url: str, headers: Headers, data: bytes | None, size: int
    ) -> Any:
        """The response of the first address that can be connected to."""
        problem = Unavailable(f"{host} has no address that may be fetched from")
        for address in await self._addresses(host):
            endpoint = self._endpoint(address, host, size + OVERHEAD)
            agent: Any = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
                self._reactor, _Always(endpoint)
            )
            body = _Document(data) if data is not None else None
            try:
                return await agent.request(verb, url.encode("ascii"), headers, body)
            except (ResponseFailed, ResponseNeverReceived, RequestTransmissionFailed) as error:
                raise _of(error.reasons) from None
            except (UnicodeEncodeError, CancelledError):
                raise
            except Exception as error:
                # Not connected: the next address may be.
                problem = Unavailable(f"{host}: {type(error).__name__}")
        raise Unavailable(problem.text)

    async def _addresses(self, host: str) -> Sequence[str]:
        found: list[str] = []
        problem: Unavailable | None = None
        # Both questions are under way before the first answer is waited for.
        for asked in [self._resolver.query(host, kind) for kind in ("AAAA", "A")]:
            try:
                answer: DNSAnswer = await asked
            except NotFound:
                continue
            except Unavailable as error:
                problem = error
                continue
            found += answer.records[: ADDRESSES // 2]
        if problem is not None and not found:
            raise Unavailable(problem.text)
        return [address for address in found if self._private or is_public(address)]

    def _endpoint(self, address: str, host: str, most: int) -> IStreamClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        plain = kind(self._reactor, address, self._port)
        options: Any = _Whoever(host)
        if self._verify:
            options = optionsForClientTLS(host, trustRoot=self._trust)
        return _Secure(plain, options, most, self._reactor)


def _host(url: str) -> str:
    """Whom the URL names; empty where it may not be used."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if parts.scheme == "https" and parts.netloc == host else ""


@implementer(IOpenSSLClientConnectionCreator)
class _Whoever:
    """TLS with a server that proves nothing."""

    def __init__(self, host: str) -> None:
        self._name = host.encode("ascii", "ignore")
        self._context = CertificateOptions(verify=False).getContext()

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        connection = SSL.Connection(self._context, None)
        connection.set_tlsext_host_name(self._name)
        return connection


def _trust(authorities: bytes) -> Any:
    if not authorities:
        return None
    pem = b"-----END CERTIFICATE-----"
    blocks = [block + pem for block in authorities.split(pem) if b"BEGIN CERTIFICATE" in block]
    return trustRootFromCertificates(  # type: ignore[no-untyped-call]
        [Certificate.loadPEM(block) for block in blocks]
    )


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


def _of(reasons: Sequence[Failure]) -> Unavailable:
    """What Twisted's reasons come to."""
    for reason in reasons:
        error = reason.value
        if isinstance(error, VerificationError):
            return Untrusted("The certificate is for another name")
        if isinstance(error, SSL.Error) and "certificate verify failed" in str(error):
            return Untrusted()
        if isinstance(error, Unavailable):
            return Unavailable(error.text)
    names = ", ".join(sorted({reason.type.__name__ for reason in reasons if reason.type}))
    return Unavailable(f"The connection failed ({names})")


@implementer(IBodyProducer)
class _Document:
    """What is posted: small enough to be written at once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """See IBodyProducer."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Everything is written already."""

    def resumeProducing(self) -> None:
        """Everything is written already."""

    def stopProducing(self) -> None:
        """Everything is written already."""


class _Body(Protocol):
    """Collects a document of at most `size` octets; `done` has it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._data = bytearray()
        self.done: Deferred[bytes] = Deferred(lambda _: _abort(self.transport))

    def dataReceived(self, data: bytes) -> None:
        """Takes a piece."""
        if self.done.called:
            return
        self._data += data
        if len(self._data) > self._size:
            self.done.errback(Unavailable(f"The document is longer than {self._size} octets"))
            _abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is complete, or it was cut short."""
        if self.done.called:
            return
        # RFC 9112 6.3: without a length the end of the connection is the end of the document.
        if reason.check(ResponseDone, PotentialDataLoss):  # type: ignore[no-untyped-call]
            self.done.callback(bytes(self._data))
        else:
            self.done.errback(Unavailable("The document was cut short"))


class _Unwanted(Protocol):
    """A document that is not read."""

    def connectionMade(self) -> None:
        """Hangs up."""
        _abort(self.transport)


def _abort(transport: Any) -> None:
    """Ends a connection, where it has not ended by itself."""
    if transport is not None and hasattr(transport, "abortConnection"):
        transport.abortConnection()


@implementer(IAgentEndpointFactory)
class _Always:
    """Leads an Agent to the address that was checked, whatever the URL's host resolves to now."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        """See IAgentEndpointFactory."""
        return self._endpoint


@implementer(IStreamClientEndpoint)
class _Secure:
    """TLS over an endpoint, whose connections end after `most` octets: Twisted's HTTP client has
    no bound on header fields."""

    def __init__(
        self, endpoint: IStreamClientEndpoint, options: Any, most: int, reactor: Any
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._most = most
        self._reactor = reactor

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        counted = _Counted(protocolFactory, self._most)
        secure = TLSMemoryBIOFactory(self._options, True, counted, self._reactor)
        connected: Any = self._endpoint.connect(secure)
        connected.addCallback(lambda outer: outer.wrappedProtocol.wrappedProtocol)
        result: Deferred[Any] = connected
        return result


class _Counting(ProtocolWrapper):
    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._left: int = factory.most

    def dataReceived(self, data: bytes) -> None:
        """Passes on what is within the bound."""
        self._left -= len(data)
        if self._left < 0:
            transport: Any = self.transport
            transport.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


class _Counted(WrappingFactory[_Counting]):
    noisy = False

    def __init__(self, wrapped: Any, most: int) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self.most = most

    def buildProtocol(self, addr: Any) -> Any:
        """See IFactory."""
        return _Counting(self, self.wrappedFactory.buildProtocol(addr))
