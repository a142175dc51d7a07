"""A letter while it is written, as values: what is typed, what it was begun from, what was kept."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mailhub.core import addressing, draftnotes
from mailhub.core.composing import Enclosure
from mailhub.core.draftnotes import Note, Source
from mailhub.core.listing import Listed
from mailhub.core.viewing import Address
from mailhub.core.wordings import Wording
from mailhub.model.mailbox import Mailbox
from mailhub.wire import composed, flowed, typed
from mailhub.wire.attachments import Attachment
from mailhub.wire.composed import Person

SUBJECT = 2000
"""Characters of a subject."""


@dataclass(frozen=True, slots=True)
class Writing:
    """A letter as it is typed. `key`, `hand`: see `draftnotes.Note`. `author`: an address. `text`:
    a paragraph in each line."""

    key: str
    hand: str
    author: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A letter with what it was begun from. `version`: the draft's UID; 0: it is none yet.
    `fixed`: its text cannot be written on here without losing what another program made of it.
    `attached`: what it has; where it is no draft yet, what it takes over from `source`, or
    the message itself (`whole`).
    `quoted`: the text that it answers, with who wrote that, and when (epoch seconds)."""

    writing: Writing
    version: int = 0
    source: Source | None = None
    fixed: bool = False
    attached: Sequence[Attachment] = ()
    whole: bool = False
    quoted: str = ""
    quoted_from: Sequence[Person] = ()
    quoted_at: int = 0


class Clash(Enum):
    """Why a version does not stand in place of the one that it was made of."""

    CHANGED = "changed"
    """Another window or program kept another one meanwhile."""
    GONE = "gone"
    """It was sent or deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Held:
    """A letter that was kept. `clash`: it was kept beside another one, under a key of its own."""

    writing: Writing
    version: int
    clash: Clash | None = None
    wrong: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a letter's attachments. `added`: new ones. `removed`: ids of those that it
    has. `taken`: ids of the source's that it takes over, while it is no draft yet; None: the
    message itself."""

    added: Sequence[Enclosure] = ()
    removed: Collection[str] = ()
    taken: Sequence[str] | None = ()


@dataclass(frozen=True, slots=True)
class Before:
    """The version in whose place the next one stands, or (not `replaced`) beside which."""

    box: Mailbox
    listed: Listed
    wording: Wording
    replaced: bool = True

    @property
    def note(self) -> Note | None:
        """What it says to us."""
        found = self.wording.values(draftnotes.FIELD.lower().encode())
        return draftnotes.read(found[0]) if found else None

    @property
    def flat(self) -> Before:
        """As if it were text alone: what is written beside it, is."""
        return replace(self, wording=replace(self.wording, plain=True, cut=False))

    @property
    def at(self) -> Address:
        """Where it is."""
        return Address(self.box.account, self.box.number, self.listed.row.number)


def plainly(writing: Writing) -> Generator[None, None, tuple[object, ...]]:
    """What two spellings of one letter have in common; in slices."""
    people = []
    for text in (writing.to, writing.cc, writing.bcc):
        found, _ = yield from typed.reading(text)
        people.append([addressing.key(one) for one in found])
    wrapped = yield from flowed.flowing(writing.text)
    text = yield from flowed.unflowing(wrapped)
    return people, composed.tidy(writing.subject)[:SUBJECT], text.rstrip()
