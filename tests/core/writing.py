"""A desk in memory, at which Ann writes to Bob."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from mailhub.core.composing import Enclosure
from mailhub.core.desk import Desk, desk
from mailhub.core.mailing import Sending
from mailhub.core.messages import NewMessage
from mailhub.core.octets import content_of
from mailhub.core.reading import length
from mailhub.core.writings import Change, Held, Writing
from mailhub.model.account import Account
from mailhub.model.envelope import Peer
from mailhub.model.flags import DRAFT, SEEN, Flags
from mailhub.model.listing import Showing, Stretch
from mailhub.model.mailbox import Mailbox
from mailhub.wire.composed import Enclosed
from tests.support import run
from tests.world import ACTOR, World, world

ANN, BOB = "ann@example.org", "bob@example.org"
SENDING = Sending(Peer("192.0.2.1", 1))


@dataclass
class Office:
    """Ann's and Bob's letters."""

    world: World = field(default_factory=lambda: world(people=(ANN, BOB)))

    def __post_init__(self) -> None:
        self.desk: Desk = desk(self.world)
        self.drafting, self.dispatching = self.desk.drafting, self.desk.dispatching

    @property
    def ann(self) -> Account:
        return self.world.people[ANN]

    def box(self, use: str, who: str = ANN) -> Mailbox:
        """A mailbox by its special use; INBOX by its name."""
        number = self.world.people[who].number
        if use == "INBOX":
            return run(self.world.mailboxes.get(number, use))
        found = run(self.world.mailboxes.by_special_use(number, use))
        assert found is not None, use
        return found

    def uids(self, use: str, who: str = ANN) -> list[int]:
        """What is in it, the newest first."""
        account = self.world.people[who]
        listings = self.world.mailroom.listings
        box = self.box(use, who)
        _, page = run(listings.mailbox(account.id, box.id, Stretch(100), Showing()))
        return [one.row.number for one in page.listed]

    def octets(self, use: str, uid: int, who: str = ANN) -> bytes:
        content = run(content_of(self.world.store, self.box(use, who), uid))
        return run(self.world.mailroom.messages.reading.octets(content, 0, length(content)))

    def mail(self, use: str, uid: int, who: str = ANN) -> EmailMessage:
        """A message, read by another library."""
        found: Any = message_from_bytes(
            self.octets(use, uid, who).replace(b"\r\n", b"\n"), policy=policy.default
        )
        return found  # type: ignore[no-any-return]

    def append(self, use: str, octets: bytes, flags: int = SEEN | DRAFT) -> int:
        """Puts a message there as another program would."""
        spool = self.world.store.spools.open()
        spool.write(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        body = spool.finish()
        new = NewMessage(body, Flags(flags))
        (arrival,) = run(self.world.mailroom.messages.append(self.box(use), [new], ACTOR))
        return arrival.uid

    def keep(
        self, writing: Writing, version: int = 0, change: Change | None = None, **more: Any
    ) -> Held:
        return run(
            self.drafting.keep(self.ann, writing, version, change or Change(), ACTOR, **more)
        )

    def send(self, held: Held, sending: Sending = SENDING) -> Any:
        return run(self.dispatching.send(self.ann, held.version, held.writing.key, sending, ACTOR))


def enclosure(octets: bytes, name: str, media: str = "application/octet-stream") -> Enclosure:
    async def read() -> AsyncIterator[bytes]:
        for at in range(0, len(octets), 1000):
            yield octets[at : at + 1000]

    return Enclosure(Enclosed(media, name), read)
