"""Ways to one Redis server: TCP, TLS with a verified certificate, a Unix socket; and logging in.

Makes endpoints and short visits; who connects for longer, and again, is `link`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from mailhub.coord.redis.trust import Trust
from mailhub.coord.redis.wire import Refused, Wire
from mailhub.model.errors import Unavailable
from mailhub.wire.redisslots import Place
from mailhub.wire.redisurl import RedisURL


class Once(Factory):
    """Hands out one protocol that is there already."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """See IProtocolFactory."""
        return self._protocol


@implementer(IStreamClientEndpoint)
class Verified:
    """`inner` with TLS. The files of `trust` are read for each connection."""

    def __init__(self, inner: IStreamClientEndpoint, trust: Trust, host: str) -> None:
        self._inner = inner
        self._trust = trust
        self._host = host

    def connect(self, protocolFactory: IProtocolFactory) -> Any:
        """See IStreamClientEndpoint. Raises Invalid."""
        options = self._trust.options(self._host)
        return wrapClientTLS(options, self._inner).connect(protocolFactory)


@dataclass(frozen=True, slots=True)
class Login:
    """What a server wants to hear first. Without a password it wants nothing."""

    username: str = ""
    password: str = ""
    database: int = 0

    @classmethod
    def of(cls, url: RedisURL) -> Login:
        """As the URL says."""
        return cls(url.username, url.password, url.database)

    async def enter(self, wire: Wire) -> None:
        """Raises Refused, Unavailable."""
        if self.password:
            names = (self.username,) if self.username else ()
            await wire.ask("AUTH", *names, self.password)
        if self.database:
            await wire.ask("SELECT", self.database)


class Dialer:
    """Endpoints of servers that share trust and login. `trust`: None for no TLS."""

    def __init__(self, reactor: Any, timeout: float, trust: Trust | None, login: Login) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._trust = trust
        self._login = login

    def tcp(self, host: str, port: int) -> IStreamClientEndpoint:
        """By name or address; with TLS, the certificate must be of that name."""
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=self._timeout)
        return endpoint if self._trust is None else Verified(endpoint, self._trust, host)

    def unix(self, path: str) -> IStreamClientEndpoint:
        """A socket in the file system."""
        return UNIXClientEndpoint(self._reactor, path, timeout=self._timeout)

    @asynccontextmanager
    async def visit(self, place: Place) -> AsyncIterator[Wire]:
        """A connection for a few questions, logged in. Raises Unavailable with the reason."""
        wire = Wire(self._reactor, self._timeout)
        try:
            connecting: Any = self.tcp(*place).connect(Once(wire))
            await connecting.addTimeout(self._timeout, self._reactor)
            await self._login.enter(wire)
            yield wire
        except CancelledError:
            raise
        except Exception as error:  # what connecting may raise is an open list: DNS, TLS, sockets
            raise Unavailable(reason(error, wire)) from None
        finally:
            wire.drop()


def reason(error: Exception, wire: Wire) -> str:
    """Why a connection ended or never was, for the log."""
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, TimeoutError):
        return f"no answer within {wire.timeout:g} s"
    return wire.why or str(error) or type(error).__name__
