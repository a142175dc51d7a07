"""Opens SMTP, submission and LMTP sessions of a world in memory, for tests of this face."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailhub.model.account import Service
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.settings import SMTPSettings
from mailhub.smtp.server import SMTPFactory
from tests.transcript import Conversation, Transport
from tests.world import HOSTNAME, World

TLS = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"e" * 32)
CLIENT = IPv4Address("TCP", "192.0.2.7", 40000)
SERVER = IPv4Address("TCP", "198.51.100.1", 25)


def peer_of(transport: Any) -> Peer:
    """The facts of a transport in memory."""
    peer, host = transport.getPeer(), transport.getHost()
    tls = TLS if transport.tls is not None else None
    return Peer(peer.host, peer.port, host.host, host.port, tls)


class Reception:
    """A listener: `reception("1")` opens a connection, as `tests.transcript.play` wants it."""

    def __init__(
        self,
        world: World,
        service: Service = Service.SMTP,
        *,
        tls: bool = True,
        implicit: bool = False,
        client: IPv4Address = CLIENT,
        settings: SMTPSettings | None = None,
        **changes: Any,
    ) -> None:
        self.world = world
        self.reactor = Clock()
        self.implicit = implicit
        self.client = client
        numbers = count(1)
        self.factory = SMTPFactory(
            service,
            hostname=HOSTNAME,
            settings=replace(settings or SMTPSettings(), **changes),
            intake=world.intake,
            login=world.login,
            addresses=world.addresses,
            reactor=self.reactor,
            log=world.log,
            new_session=lambda: f"s{next(numbers)}",
            tls=object() if tls and not implicit else None,
            peer_of=peer_of,
        )

    def __call__(self, name: str) -> Conversation:
        transport = Transport(self.client, SERVER)
        if self.implicit:
            transport.tls = object()
        protocol = self.factory.buildProtocol(self.client)
        protocol.factory = self.factory  # type: ignore[attr-defined]
        return Conversation(protocol, transport, self.reactor)
