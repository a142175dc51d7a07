"""Opens POP3 sessions of a world in memory, and puts mail there for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailhub.coord.memory import MemorySeats
from mailhub.core.maildrop import Maildrops
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.flags import Flags
from mailhub.model.settings import POP3Settings
from mailhub.pop3.server import POP3Factory
from mailhub.pop3.session import Services
from mailhub.wire.rendering import render
from tests.support import run
from tests.transcript import Conversation, Transport
from tests.world import ACTOR, HOSTNAME, World

TLS = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"e" * 32)
CLIENT = IPv4Address("TCP", "192.0.2.7", 40000)
SERVER = IPv4Address("TCP", "198.51.100.1", 110)


def peer_of(transport: Any) -> Peer:
    """The facts of a transport in memory."""
    peer, host = transport.getPeer(), transport.getHost()
    tls = TLS if transport.tls is not None else None
    return Peer(peer.host, peer.port, host.host, host.port, tls)


class Visits:
    """A listener: `visits("1")` opens a connection, as `tests.transcript.play` wants it."""

    def __init__(
        self,
        world: World,
        *,
        tls: bool = True,
        implicit: bool = False,
        **changes: Any,
    ) -> None:
        self.world = world
        self.reactor = Clock()
        self.implicit = implicit
        settings = replace(POP3Settings(), **changes)
        numbers = count(1)
        self.services = Services(
            login=world.login,
            maildrops=Maildrops(
                world.store,
                world.mailboxes,
                settings,
                MemorySeats(),
                newest=world.allowances.newest,
            ),
            allowances=world.allowances,
            watch=world.watch,
            settings=settings,
            clock=world.clock,
            log=world.log,
        )
        self.factory = POP3Factory(
            self.services,
            hostname=HOSTNAME,
            reactor=self.reactor,
            new_session=lambda: f"p{next(numbers)}",
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


def put(world: World, address: str, *messages: bytes, mailbox: str = "INBOX") -> None:
    """Appends messages to a mailbox of `address`."""
    account = world.people[address].number
    box = run(world.mailboxes.get(account, mailbox))
    for message in messages:
        spool = world.store.spools.open()
        spool.write(message)
        body = spool.finish()
        item = (body, render(message), Flags(), int(world.clock.now()))
        run(world.store.messages.append(account, box.number, [item], ACTOR))
        body.close()


def names(world: World, address: str, mailbox: str = "INBOX") -> list[int]:
    """The UIDs of a mailbox."""
    account = world.people[address].number
    box = run(world.mailboxes.get(account, mailbox))
    return list(run(world.store.messages.index(account, box.number)).uids)
