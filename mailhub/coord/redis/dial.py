"""Where a Redis server is: TCP, TLS with a verified certificate, a Unix socket, or over Sentinels.

Makes endpoints; who connects to them and again is `link`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import X509
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

from mailhub.coord.redis.wire import Reply, Wire
from mailhub.model.errors import Unavailable
from mailhub.model.settings import RedisSettings
from mailhub.wire.redisurl import parse_redis_url, parse_sentinel


class Once(Factory):
    """Hands out one protocol that is there already."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """See IProtocolFactory."""
        return self._protocol


class Dialer:
    """Endpoints of one server, all with the same timeout and trust."""

    def __init__(self, reactor: Any, timeout: float, trust: Any | None) -> None:
        """`trust`: whose certificates are believed; None: no TLS."""
        self._reactor = reactor
        self._timeout = timeout
        self._trust = trust

    def tcp(self, host: str, port: int) -> IStreamClientEndpoint:
        """By name or address; with TLS, the certificate must be of that name."""
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=self._timeout)
        if self._trust is None:
            return endpoint
        options = {"raiseMinimumTo": TLSVersion.TLSv1_2}
        verifying = optionsForClientTLS(
            host, trustRoot=self._trust, extraCertificateOptions=options
        )
        return wrapClientTLS(verifying, endpoint)

    def unix(self, path: str) -> IStreamClientEndpoint:
        """A socket in the file system."""
        return UNIXClientEndpoint(self._reactor, path, timeout=self._timeout)

    async def ask(self, host: str, port: int, password: str, *words: str) -> Reply:
        """One question over a connection of its own. Raises Unavailable."""
        wire = Wire(self._reactor, self._timeout)
        connecting = self.tcp(host, port).connect(Once(wire))
        await connecting.addTimeout(self._timeout, self._reactor)
        try:
            if password:
                await wire.ask("AUTH", password)
            return await wire.ask(*words)
        finally:
            wire.drop()


@implementer(IStreamClientEndpoint)
class SentinelEndpoint:
    """Connects to the server that a Sentinel calls the master of `name` at that moment."""

    def __init__(
        self, dialer: Dialer, sentinels: Sequence[tuple[str, int]], name: str, password: str
    ) -> None:
        self._dialer = dialer
        self._sentinels = list(sentinels)
        self._name = name
        self._password = password

    def connect(self, protocolFactory: IProtocolFactory) -> Any:
        """See IStreamClientEndpoint."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> Any:
        # One that does not answer goes behind the others, so that the next attempt, which may
        # be all the time there is, begins with another.
        for sentinel in list(self._sentinels):
            self._sentinels.remove(sentinel)
            self._sentinels.append(sentinel)
            try:
                found = await self._dialer.ask(
                    *sentinel, self._password, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name
                )
            except Exception:  # noqa: S112  (the next one is asked; at the end nobody knew)
                continue
            if isinstance(found, list) and len(found) == 2:
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)
                host, port = (bytes(word).decode("ascii") for word in found)
                return await self._dialer.tcp(host, int(port)).connect(factory)
        raise Unavailable(f"no Sentinel knows the master {self._name}")


def endpoint_of(settings: RedisSettings, reactor: Any) -> IStreamClientEndpoint:
    """The endpoint that the settings name. Raises Invalid, OSError or ValueError (authority)."""
    url = parse_redis_url(settings.url)
    trust = None
    if url.tls:
        trust = _authorities(Path(settings.authority)) if settings.authority else platformTrust()
    dialer = Dialer(reactor, settings.timeout, trust)
    if url.path:
        return dialer.unix(url.path)
    if settings.sentinels:
        # Each of several gets its part of the time that the whole attempt has.
        part = max(0.5, settings.timeout / 3)
        asker = Dialer(reactor, part, trust)
        places = [parse_sentinel(one) for one in settings.sentinels]
        return SentinelEndpoint(asker, places, url.host, settings.sentinel_password)
    return dialer.tcp(url.host, url.port)


def _authorities(path: Path) -> Any:
    certificates = load_pem_x509_certificates(path.read_bytes())
    return trustRootFromCertificates(
        [Certificate(X509.from_cryptography(one)) for one in certificates]
    )
