"""A message's way through this server, as the journal tells it: what is looked for, and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from mailhub.model.change import JournalEntry


class Part(Enum):
    """What an address that is looked for was in the envelope."""

    EITHER = "either"
    SENDER = "sender"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which messages are meant; empty fields do not narrow. `address`: folded; `@` and a domain for
    all of a domain. `message_id`: with its angle brackets. `transaction`: under which it came.
    `entry`: a number of the queue. `since`, `until`: epoch seconds."""

    address: str = ""
    part: Part = Part.EITHER
    message_id: str = ""
    transaction: str = ""
    entry: int = 0
    since: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class Traced:
    """Rows of the journal, newest first. `before`: where the search goes on, a row's number; 0
    where it is over."""

    entries: Sequence[JournalEntry]
    before: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A message in a mailbox, from the journal's row `after` on. `flags`: its flag code then."""

    account: int
    mailbox: int
    uid: int
    after: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """A row of the journal that is about a message in one place. `moved`: where it was moved or
    copied to. `flags`: as the row left them; None where it changed none."""

    entry: JournalEntry
    place: Place
    flags: int | None = None
    names: tuple[str, ...] = ()
    moved: Place | None = field(default=None)
