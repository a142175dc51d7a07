"""Opens SMTP, submission and LMTP sessions of a world in memory, for tests of this face."""

from __future__ import annotations

from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailhub.core.holding import Holding
from mailhub.core.hooking import NoHooks
from mailhub.core.judging import unasked
from mailhub.core.relays import Relays
from mailhub.model.account import Service
from mailhub.model.envelope import Peer, TLSFacts
from mailhub.model.settings import SMTPSettings
from mailhub.model.uids import MAX_UID, UidSet
from mailhub.smtp.server import SMTPFactory
from tests.support import run
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
        intake: Any = None,
        hooks: Any = None,
        holding: int = 0,
        judging: Any = None,
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
            settings=SMTPSettings(**changes),
            intake=world.intake if intake is None else intake,
            login=world.login,
            watch=world.watch,
            addresses=world.addresses,
            hooks=hooks or NoHooks(),
            holding=Holding(world.clock, holding),
            judging=judging or unasked(HOSTNAME),
            relays=Relays(world.store, changes.get("trusted_networks", ())),
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

    def greeted(self, hello: str = "EHLO client.example") -> Conversation:
        """A connection after its hello, with nothing left to read."""
        conversation = self("")
        conversation.send(f"{hello}\r\n".encode())
        assert b"\r\n250 " in conversation.read()
        return conversation


def said(conversation: Conversation, *lines: str) -> list[str]:
    """What the server answers to these lines, sent in one write."""
    conversation.send("".join(f"{line}\r\n" for line in lines).encode())
    return conversation.read().decode().splitlines()


def stored(world: World, address: str) -> list[bytes]:
    """Every message in an account's INBOX, whole."""
    account = world.people[address].number
    inbox = run(world.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    every = UidSet.of([(1, MAX_UID)])
    contents = run(world.store.messages.contents(account, inbox.number, every))
    blobs = run(world.store.blobs.read([content.blob for content in contents]))
    return [one.prefix + blob for one, blob in zip(contents, blobs, strict=True)]
