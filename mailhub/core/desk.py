"""All that people write letters with in pages of this server, made once for the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailhub.core.addresses import Addresses
from mailhub.core.authors import Authors
from mailhub.core.correspondents import Correspondents
from mailhub.core.dispatching import Dispatching
from mailhub.core.drafting import Drafting
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailing import Mailing
from mailhub.core.mailroom import Mailroom
from mailhub.core.queue import Queue
from mailhub.core.rewriting import Rewriting
from mailhub.core.wordings import Wordings
from mailhub.ports import Clock, Seats, Storage


@dataclass(frozen=True, slots=True)
class Desk:
    """`most`: octets of one letter. `holds`: whether mail can be held back."""

    drafting: Drafting
    dispatching: Dispatching
    authors: Authors
    correspondents: Correspondents
    most: int
    holds: bool


class Parts(Protocol):
    """What it is made of."""

    @property
    def store(self) -> Storage: ...
    @property
    def mailroom(self) -> Mailroom: ...
    @property
    def mailboxes(self) -> Mailboxes: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def mailing(self) -> Mailing: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def seats(self) -> Seats: ...


def desk(parts: Parts) -> Desk:
    """All of it."""
    storage, room, mailboxes, mailing = parts.store, parts.mailroom, parts.mailboxes, parts.mailing
    clock, reading = parts.clock, room.messages.reading
    wordings = Wordings(storage, reading, room.views, clock)
    rewriting = Rewriting(storage, reading, clock)
    drafting = Drafting(
        mailboxes,
        mailing,
        room,
        parts.addresses,
        wordings,
        rewriting,
        clock,
        parts.ids,
        parts.seats,
    )
    return Desk(
        drafting,
        Dispatching(drafting, mailboxes, mailing, room.listings, wordings, parts.queue, clock),
        Authors(parts.addresses),
        Correspondents(mailboxes, room.listings),
        mailing.most,
        mailing.holds,
    )
