"""Messages as lines of a list."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailhub.core.listing import Listed
from mailhub.http.webmail.frame import PREFIX
from mailhub.model.flags import ANSWERED, DRAFT, FLAGGED, SEEN
from mailhub.wire.envelope import EnvelopeAddress

NAMES = 3
"""People whose names a line has."""
NAME, ADDRESS, SUBJECT = 200, 320, 500
"""Characters of these that are shown."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a header. `name`: as they call themselves, which proves nothing, so that the
    address stands beside it wherever it counts."""

    name: str
    address: str

    @property
    def called(self) -> str:
        """The name, or the address where there is none or where the name is another address."""
        claims = "@" in unicodedata.normalize("NFKC", self.name)
        return self.address if not self.name or claims else self.name


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a list. `id`: as forms name it. `people`: who wrote it; of what was sent, to
    whom. `count`: messages of its thread, where it stands for that. `at`: epoch seconds."""

    id: str
    path: str
    people: Sequence[Person]
    subject: str
    intro: str
    at: int
    size: int
    unread: bool
    flagged: bool
    answered: bool
    draft: bool
    attachments: bool
    count: int
    folder: str


def person(one: EnvelopeAddress) -> Person:
    """An address of a header."""
    address = plain(f"{one.mailbox}@{one.host}" if one.host else one.mailbox)
    return Person(plain(one.name)[:NAME], address[:ADDRESS])


def people(addresses: Sequence[EnvelopeAddress], most: int) -> Sequence[Person]:
    """The first ones."""
    return [person(one) for one in addresses[:most]]


def plain(text: str) -> str:
    """Without characters that make what is read another thing than what is written: controls, and
    those that turn the direction (Unicode UTR 36, 3.2)."""
    return " ".join(text.translate(_TURNING).split()) if text else ""


_TURNING = {
    number: None
    for first, last in (
        (0x00, 0x08),
        (0x0E, 0x1F),
        (0x7F, 0x9F),
        (0xAD, 0xAD),
        (0x034F, 0x034F),
        (0x061C, 0x061C),
        (0x180E, 0x180E),
        (0x200B, 0x200B),
        (0x200E, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2069),
        (0xFEFF, 0xFEFF),
        (0xFFF9, 0xFFFB),
        (0xE0000, 0xE007F),
    )
    for number in range(first, last + 1)
}


def line(
    listed: Listed, mailbox: str, *, outgoing: bool = False, threads: bool = False, folder: str = ""
) -> Line:
    """One of a list. `mailbox`: the id of its mailbox. `outgoing`: whom it is for matters more than
    who wrote it. `threads`: it stands for its thread."""
    row, fields = listed.row, listed.facts.fields
    flags, thread = row.flags.system, listed.thread if threads else None
    who = fields.to or fields.cc or fields.bcc if outgoing else fields.from_
    path = f"{PREFIX}/folders/{mailbox}/{row.number}"
    several = thread is not None and thread.messages > 1
    return Line(
        id=f"{mailbox}.{row.number}",
        path=f"{path}/thread" if several else path,
        people=people(who, NAMES),
        subject=plain(fields.subject)[:SUBJECT],
        intro=plain(listed.intro),
        at=row.date,
        size=row.size,
        unread=thread.unseen if thread is not None else not flags & SEEN,
        flagged=thread.flagged if thread is not None else bool(flags & FLAGGED),
        answered=bool(flags & ANSWERED),
        draft=thread.drafts if thread is not None else bool(flags & DRAFT),
        attachments=row.attachments,
        count=thread.messages if thread is not None else 1,
        folder=folder,
    )


def found(
    rows: Sequence[Listed], boxes: Mapping[int, tuple[str, str]], *, threads: bool = False
) -> Sequence[Line]:
    """Lines of messages wherever they stand. `boxes`: id and name of mailboxes, by number."""
    return [
        line(one, boxes[one.row.mailbox][0], threads=threads, folder=boxes[one.row.mailbox][1])
        for one in rows
        if one.row.mailbox in boxes
    ]
