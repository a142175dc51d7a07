"""Writes messages for who has no mail program: fields and texts become a message in a spool.

What a reply takes over from the message that it answers is decided here; how a message is spelled
is `wire.composed`'s, and what becomes of it `core.mailing`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mailhub.core import trace
from mailhub.core.addresses import Addresses
from mailhub.core.files import Files
from mailhub.core.ids import Ids
from mailhub.core.listing import Listed, Listings
from mailhub.core.turns import Turns
from mailhub.core.viewing import Address, Views
from mailhub.model.account import Account, Principal, Service
from mailhub.model.errors import Invalid, TooLarge
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body, Clock, Randomness, Spool, Storage
from mailhub.wire import address as grammar
from mailhub.wire import composed
from mailhub.wire.base64lines import Lines
from mailhub.wire.composed import Enclosed, Letter, Person, Poured
from mailhub.wire.envelope import EnvelopeAddress
from mailhub.wire.lineends import LineEnds

REFERENCES = 20
"""Message ids that an answer refers to: the first, and the last of the others."""
LINE = 998
"""Octets of a line that every server takes (RFC 5322 section 2.1.1)."""
PIECE = 48 * 1024
"""Octets between two chances for others."""


class Relation(Enum):
    """What a message is to the one that it refers to."""

    REPLY = "reply"
    REPLY_ALL = "replyAll"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Reference:
    """The message that another one answers or forwards. `attachments`: ids of those that are
    taken over; None: all."""

    mailbox: Mailbox
    uid: int
    relation: Relation
    attachments: Sequence[str] | None = ()


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A content, and how to read it."""

    about: Enclosed
    pieces: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written. `sender`: None for the account itself. `date`: epoch seconds."""

    sender: Person | None = None
    reply_to: Person | None = None
    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    fields: Sequence[tuple[str, str]] = ()
    enclosures: Sequence[Enclosure] = ()
    reference: Reference | None = None
    date: int | None = None
    flowed: bool = False


def principal_of(account: Account) -> Principal:
    """The account, as whoever writes through an API acts for it."""
    return Principal(
        account.number,
        account.id,
        account.username,
        account.role,
        Service.HTTP,
        account.auth_version,
    )


def oneself(account: Account) -> Person:
    """The account as an author. Raises Invalid where it has no address."""
    if not account.address:
        raise Invalid("The user has no address to write from", "from")
    name = " ".join("".join(one if one.isprintable() else " " for one in account.name).split())
    return Person(account.address, name)


class Composing:
    """Writes messages. `most`: octets of one."""

    def __init__(
        self,
        storage: Storage,
        addresses: Addresses,
        listings: Listings,
        views: Views,
        clock: Clock,
        ids: Ids,
        randomness: Randomness,
        hostname: str,
        most: int,
    ) -> None:
        self._storage = storage
        self._addresses = addresses
        self._listings = listings
        self._views = views
        self._clock = clock
        self._ids = ids
        self._randomness = randomness
        self._hostname = hostname
        self.most = most
        self.files = Files(storage, clock, ids, most)
        """What is kept for messages still to be written."""

    def message_id(self, key: str = "") -> str:
        """A new one, in angle brackets, or that of a letter with a key of its own."""
        return f"<{key or self._ids.new()}@{self._hostname}>"

    async def compose(self, account: Account, draft: Draft) -> tuple[Letter, Body]:
        """The letter, and its octets, which the caller closes. Raises Invalid (with its field),
        NotFound (what it refers to), TooLarge, StorageFull, Unavailable."""
        date = int(self._clock.now()) if draft.date is None else draft.date
        letter = Letter(
            sender=draft.sender or oneself(account),
            date=trace.date(date),
            message_id=self.message_id(),
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            reply_to=draft.reply_to,
            subject=draft.subject,
            text=draft.text,
            html=draft.html,
            fields=draft.fields,
            flowed=draft.flowed,
        )
        enclosures = list(draft.enclosures)
        if draft.reference is not None:
            letter, more = await self._related(account, letter, draft.reference)
            enclosures += more
        letter = replace(letter, enclosed=[await self._told(one) for one in enclosures])
        spool = self._storage.spools.open()
        try:
            await self._write(letter, enclosures, spool)
            return letter, spool.finish()
        except BaseException:
            spool.abort()
            raise

    async def _write(self, letter: Letter, enclosures: Sequence[Enclosure], spool: Spool) -> None:
        turns = Turns(self._clock)
        for part in composed.frame(letter, self._randomness.token(16)):
            if not isinstance(part, Poured):
                spool.write(part)
                continue
            own = part.number is None
            source = _pieces(part.octets) if own else enclosures[part.number or 0].pieces()
            if part.as_it_is:
                await self._copy(source, spool, turns)
                continue
            lines = Lines()
            async for piece in source:
                for at in range(0, len(piece), PIECE):
                    spool.write(lines.feed(piece[at : at + PIECE]))
                    await turns.rest()
                if spool.size > self.most:
                    raise TooLarge("The message is too large", self.most)
            spool.write(lines.finish())

    async def _copy(self, source: AsyncIterator[bytes], spool: Spool, turns: Turns) -> None:
        """A whole message, and the line end that a boundary takes from it."""
        ends = LineEnds()
        async for piece in source:
            spool.write(ends.feed(piece))
            if spool.size > self.most:
                raise TooLarge("The message is too large", self.most)
            await turns.rest()
        spool.write(ends.finish() + b"\r\n")

    async def _told(self, one: Enclosure) -> Enclosed:
        """What is known of a content; of a message, whether it can stand there as it is."""
        if one.about.media.lower() != composed.MESSAGE:
            return one.about
        turns, eight, column = Turns(self._clock), False, 0
        async for piece in one.pieces():
            first, *rest = piece.split(b"\n")
            longest = max(column + len(first), *map(len, rest)) if rest else column + len(first)
            column = len(rest[-1]) if rest else longest
            if longest > LINE or b"\0" in piece:
                return one.about  # RFC 2045 section 2.9: binary, which no server has to take
            eight = eight or not piece.isascii()
            await turns.rest()
        return replace(one.about, transfer="8bit" if eight else "7bit")

    # -- answers

    async def _related(
        self, account: Account, letter: Letter, to: Reference
    ) -> tuple[Letter, list[Enclosure]]:
        at = Address(account.number, to.mailbox.number, to.uid)
        found = await self._listings.one(account.number, to.mailbox.number, to.uid)
        row = found.row
        ids = [*row.references, row.message_id] if row.message_id else [*row.references]
        kept = ids if len(ids) <= REFERENCES else ids[:1] + ids[1 - REFERENCES :]
        letter = replace(letter, references=kept)
        subject = " ".join(row.subject.split())
        if to.relation is Relation.FORWARD:
            letter = replace(letter, subject=letter.subject or _prefixed("Fwd: ", subject))
        else:
            letter = replace(
                letter,
                subject=letter.subject or _prefixed("Re: ", subject),
                answered=row.message_id,
            )
            if not letter.recipients:
                letter = await self._addressed(account, letter, found, to.relation)
        return letter, self._attached(at, found, to.attachments)

    async def _addressed(
        self, account: Account, letter: Letter, found: Listed, relation: Relation
    ) -> Letter:
        """To whom an answer goes (RFC 5322 section 3.6.3)."""
        fields = found.facts.fields
        to = _people(fields.reply_to or fields.from_)
        if relation is Relation.REPLY:
            return replace(letter, to=to)
        principal = principal_of(account)
        known = {grammar.key(one.address) for one in to}
        cc = []
        for one in _people((*fields.to, *fields.cc)):
            own = await self._addresses.owns(principal, one.address)
            if not own and grammar.key(one.address) not in known:
                known.add(grammar.key(one.address))
                cc.append(one)
        return replace(letter, to=to, cc=cc)

    def _attached(
        self, at: Address, found: Listed, wanted: Sequence[str] | None
    ) -> list[Enclosure]:
        there = {one.id: one for one in found.facts.structure.attachments}
        missing = [one for one in wanted or () if one not in there]
        if missing:
            raise Invalid(f"There is no attachment {missing[0][:40]}", "reference")
        chosen = list(there) if wanted is None else wanted
        enclosures = []
        for one in (there[id] for id in dict.fromkeys(chosen)):
            name = "".join(letter for letter in one.filename if letter.isprintable())
            about = Enclosed(one.media, name, one.cid, one.related, one.charset)
            enclosures.append(Enclosure(about, self._reader(at, one.id)))
        return enclosures

    def _reader(self, at: Address, id: str) -> Callable[[], AsyncIterator[bytes]]:
        async def read() -> AsyncIterator[bytes]:
            stream = await self._views.attachment(at, id)
            async for piece in stream.pieces:
                yield piece

        return read


async def _pieces(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


def _prefixed(prefix: str, subject: str) -> str:
    clean = "".join(one if one.isprintable() else " " for one in subject)
    return clean if clean.lower().startswith(prefix.strip().lower()) else prefix + clean


def _people(found: Sequence[EnvelopeAddress]) -> list[Person]:
    """Those that can be written to."""
    people = []
    for one in found:
        name = "".join(letter if letter.isprintable() else " " for letter in one.name)
        try:
            local = grammar.quote_local(one.mailbox)
            people.append(composed.person(f"{local}@{one.host}", " ".join(name.split())))
        except Invalid:
            continue
    return people
