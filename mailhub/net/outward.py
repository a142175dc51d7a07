"""Connections to other people's web servers: what `fetch` and `web` share.

A name's addresses are asked for once and judged, and the connection goes to an address that was
judged, so nothing can lead elsewhere between the check and the use. What comes back is counted.
Decides neither whom to ask nor what an answer means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    RequestGenerationFailed,
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
from mailhub.model.errors import MailhubError, NotFound, Unavailable, Untrusted
from mailhub.ports import Resolver

ADDRESSES = 4
"""Addresses of one host that are tried."""
OVERHEAD = 64 * 1024
"""Octets of status line and header fields that come with a document."""

BROKEN = (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)


async def addresses(resolver: Resolver, host: str, may: Callable[[str], bool]) -> Sequence[str]:
    """Those of the host that `may` be spoken to. Raises Unavailable (the DNS)."""
    found: list[str] = []
    problem: Unavailable | None = None
    # Both questions are under way before the first answer is waited for.
    for asked in [resolver.query(host, kind) for kind in ("AAAA", "A")]:
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
    return [address for address in found if may(address)]


async def ask(
    reactor: Any,
    endpoints: Sequence[IStreamClientEndpoint],
    host: str,
    verb: bytes,
    url: str,
    headers: Headers,
    body: Any,
) -> Any:
    """The response over the first endpoint that can be connected to. Raises Untrusted,
    Unavailable, and what reading `body` raised."""
    problem = Unavailable(f"{host} has no address that may be fetched from")
    for endpoint in endpoints:
        agent: Any = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
            reactor, _Always(endpoint)
        )
        try:
            return await agent.request(verb, url.encode("ascii"), headers, body)
        except BROKEN as error:
            raise _failed(error.reasons) from None
        except (UnicodeEncodeError, CancelledError):
            raise
        except Exception as error:
            # Not connected: the next address may be.
            problem = Unavailable(f"{host}: {type(error).__name__}")
    raise Unavailable(problem.text)


@implementer(IOpenSSLClientConnectionCreator)
class Whoever:
    """TLS with a server that proves nothing."""

    def __init__(self, host: str) -> None:
        self._name = host.encode("ascii", "ignore")
        self._context = CertificateOptions(verify=False).getContext()

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        connection = SSL.Connection(self._context, None)
        connection.set_tlsext_host_name(self._name)
        return connection


def authorities(path: str, setting: str) -> bytes:
    """The PEM certificates of who signs other servers' ones; empty for the system's. Raises
    MailhubError, naming the setting: better no start than servers that are refused for ever."""
    if not path:
        return b""
    try:
        found = Path(path).read_bytes()
    except OSError as error:
        raise MailhubError(f"{setting}: {path}: {error.strerror}") from error
    if b"-----BEGIN CERTIFICATE-----" not in found:
        raise MailhubError(f"{setting}: {path}: there is no certificate in it")
    return found


def trust(certificates: bytes) -> Any:
    """What PEM certificates vouch for; None, for none, means those of the system."""
    if not certificates:
        return None
    pem = b"-----END CERTIFICATE-----"
    blocks = [block + pem for block in certificates.split(pem) if b"BEGIN CERTIFICATE" in block]
    return trustRootFromCertificates(  # type: ignore[no-untyped-call]
        [Certificate.loadPEM(block) for block in blocks]
    )


def _failed(reasons: Sequence[Failure]) -> MailhubError:
    """What Twisted's reasons come to."""
    for reason in reasons:
        error = reason.value
        if isinstance(error, VerificationError):
            return Untrusted("The certificate is for another name")
        if isinstance(error, SSL.Error) and "certificate verify failed" in str(error):
            return Untrusted()
        if isinstance(error, MailhubError):
            return error
    names = ", ".join(sorted({reason.type.__name__ for reason in reasons if reason.type}))
    return Unavailable(f"The connection failed ({names})")


def abort(transport: Any) -> None:
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
class Bounded:
    """An endpoint whose connections end after `most` octets: Twisted's HTTP client has no bound on
    header fields. `options`: for TLS over it, None without."""

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
        if self._options is None:
            plain: Any = self._endpoint.connect(counted)
            found: Deferred[Any] = plain.addCallback(lambda outer: outer.wrappedProtocol)
            return found
        secure = TLSMemoryBIOFactory(self._options, True, counted, self._reactor)
        connected: Any = self._endpoint.connect(secure)
        result: Deferred[Any] = connected.addCallback(
            lambda outer: outer.wrappedProtocol.wrappedProtocol
        )
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


class Collected(Protocol):
    """Collects a document of at most `size` octets; `done` has it. `cut`: of a longer one its
    beginning."""

    def __init__(self, size: int, *, cut: bool = False) -> None:
        self._size = size
        self._cut = cut
        self._data = bytearray()
        self.done: Deferred[bytes] = Deferred(lambda _: abort(self.transport))

    def dataReceived(self, data: bytes) -> None:
        """Takes a piece."""
        if self.done.called:
            return
        self._data += data
        if len(self._data) > self._size:
            if self._cut:
                self.done.callback(bytes(self._data[: self._size]))
            else:
                self.done.errback(Unavailable(f"The document is longer than {self._size} octets"))
            abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is complete, or it was cut short."""
        if self.done.called:
            return
        # RFC 9112 6.3: without a length the end of the connection is the end of the document.
        if reason.check(ResponseDone, PotentialDataLoss):  # type: ignore[no-untyped-call]
            self.done.callback(bytes(self._data))
        else:
            self.done.errback(Unavailable("The document was cut short"))


class Unwanted(Protocol):
    """A document that is not read."""

    def connectionMade(self) -> None:
        """Hangs up."""
        abort(self.transport)


@implementer(IBodyProducer)
class Written:
    """A body that is small enough to be written at once."""

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
