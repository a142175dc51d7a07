"""Opens IMAP sessions of a world in memory, for tests of this face."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailhub.core.messages import Messages
from mailhub.core.selected import Selections
from mailhub.imap.server import IMAPFactory
from mailhub.imap.session import Site
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.settings import IMAPSettings, StoreSettings
from tests.transcript import Conversation, Transport
from tests.world import DOMAIN, HOSTNAME, PASSWORD, World

TLS = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"e" * 32)
CLIENT = IPv4Address("TCP", "192.0.2.7", 40000)
SERVER = IPv4Address("TCP", "198.51.100.1", 143)
JOE = f"joe@{DOMAIN}"


def peer_of(transport: Any) -> Peer:
    """The facts of a transport in memory."""
    peer, host = transport.getPeer(), transport.getHost()
    tls = TLS if transport.tls is not None else None
    return Peer(peer.host, peer.port, host.host, host.port, tls)


class IMAPListener:
    """A listener: `listener("1")` opens a connection, as `tests.transcript.play` wants it. What
    is said in clear is believed (`plaintext_auth`) unless a test says otherwise. `steps`: sent at
    the beginning of each connection; what is answered to it is thrown away."""

    def __init__(
        self,
        world: World,
        *,
        tls: bool = False,
        implicit: bool = False,
        settings: IMAPSettings | None = None,
        steps: bytes = b"",
        **changes: Any,
    ) -> None:
        self.world = world
        self.reactor = Clock()
        self.implicit = implicit
        self.steps = steps
        changes.setdefault("plaintext_auth", True)
        numbers = count(1)
        self.site = site(world, replace(settings or IMAPSettings(), **changes))
        self.factory = IMAPFactory(
            self.site,
            reactor=self.reactor,
            new_session=lambda: f"s{next(numbers)}",
            tls=object() if tls and not implicit else None,
            peer_of=peer_of,
        )

    def __call__(self, name: str = "") -> Conversation:
        transport = Transport(CLIENT, SERVER)
        if self.implicit:
            transport.tls = object()
        protocol = self.factory.buildProtocol(CLIENT)
        conversation = Conversation(protocol, transport, self.reactor)
        if self.steps:
            conversation.send(self.steps)
            conversation.read()
        return conversation


def site(world: World, settings: IMAPSettings) -> Site:
    """What the sessions of a world share."""
    return Site(
        hostname=HOSTNAME,
        settings=settings,
        storage=world.store,
        login=world.login,
        mailboxes=world.mailboxes,
        messages=Messages(world.store, world.clock),
        selections=Selections(world.store, world.watch, StoreSettings()),
        sessions=world.sessions,
        allowances=world.allowances,
        watch=world.watch,
        ids=world.ids,
        clock=world.clock,
        log=world.log,
    )


LOGGED_IN = b'i0 LOGIN %b "%b"\r\n' % (JOE.encode(), PASSWORD.encode())
SELECTED = LOGGED_IN + b"i1 SELECT INBOX\r\n"
