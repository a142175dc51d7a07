"""Opens ManageSieve sessions of a world in memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailhub.managesieve.server import ManageSieveFactory
from mailhub.managesieve.talk import Services
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.settings_sieve import ManageSieveSettings
from tests.transcript import Conversation, Transport
from tests.world import HOSTNAME, World

TLS = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"e" * 32)
CLIENT = IPv4Address("TCP", "192.0.2.7", 40000)
SERVER = IPv4Address("TCP", "198.51.100.1", 4190)


def peer_of(transport: Any) -> Peer:
    """The facts of a transport in memory."""
    peer, host = transport.getPeer(), transport.getHost()
    tls = TLS if transport.tls is not None else None
    return Peer(peer.host, peer.port, host.host, host.port, tls)


class Sievers:
    """A listener: `sievers("1")` opens a connection, as `tests.transcript.play` wants it."""

    def __init__(
        self, world: World, *, tls: bool = True, implicit: bool = False, **changes: Any
    ) -> None:
        self.world = world
        self.reactor = Clock()
        self.implicit = implicit
        numbers = count(1)
        self.services = Services(
            login=world.login,
            scripts=world.scripts,
            watch=world.watch,
            settings=replace(ManageSieveSettings(), **changes),
            clock=world.clock,
            log=world.log,
        )
        self.factory = ManageSieveFactory(
            self.services,
            hostname=HOSTNAME,
            reactor=self.reactor,
            new_session=lambda: f"s{next(numbers)}",
            tls=object() if tls and not implicit else None,
            peer_of=peer_of,
        )

    def __call__(self, name: str) -> Conversation:
        transport = Transport(CLIENT, SERVER)
        if self.implicit:
            transport.tls = object()
        protocol = self.factory.buildProtocol(CLIENT)
        protocol.factory = self.factory
        return Conversation(protocol, transport, self.reactor)
