"""The stories of messages, for administrators: who sent it, what was judged, where it went, and who
read or removed it and through what. All of it is read from the journal, which outlives the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.model.change import JournalEntry
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.flags import SEEN
from mailhub.model.queue import QueueEntry
from mailhub.model.story import Fate, Part, Place, Sought
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

TRIES = frozenset({"delivered", "deferred", "failed", "discarded"})
RULED = frozenset({"filtered", "dropped"})
MOST = 500
"""Rows of the journal of one message's tries."""
COPIES = 20
"""Copies of one message that are followed."""
_TRANSACTION = re.compile(r"[0-9a-f]{32}(?:\.\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Line:
    """A message that was found. `number`: the newest row of the journal that speaks of it. `last`:
    what came of the newest try among the rows found, or empty."""

    number: int
    at: int
    transaction: str
    sender: str
    recipients: Sequence[str]
    message_id: str
    last: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of them, newest first. `before`: where it goes on, 0 where it does not."""

    lines: Sequence[Line]
    before: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """How it came. `user`: who signed in to send it. `results`: method, result and whom it is
    about. `found`: what each check said."""

    at: int
    transaction: str
    message_id: str
    sender: str
    recipients: Sequence[str]
    more: int
    size: int
    protocol: str
    service: str
    peer: str
    port: int
    helo: str
    tls: str
    user: str
    results: Sequence[Sequence[str]]
    found: Sequence[str]
    score: float
    consequence: str


@dataclass(frozen=True, slots=True)
class Telling:
    """Something that happened to it. `kind`: stored, filtered, dropped, queued, a try's result,
    read, unread, flagged, copied, moved, removed or mailbox-removed. `mailbox`: where; `to`: where
    to. `who`: the account that did it, `service` and `peer`: through what. `said`: another
    server's words, or a rule's name."""

    at: int
    kind: str
    owner: str = ""
    mailbox: str = ""
    to: str = ""
    who: str = ""
    service: str = ""
    peer: str = ""
    recipient: str = ""
    remote: str = ""
    tls: str = ""
    status: str = ""
    said: str = ""
    due: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """One message's. `waiting`: recipients that it waits for. `cut`: there is more than is told."""

    transaction: str
    accepted: Sequence[Accepted]
    tellings: Sequence[Telling]
    waiting: Sequence[QueueEntry]
    cut: bool = False


def sought(query: str, part: str = "", since: int = 0, until: int = 0) -> Sought:
    """What somebody looks for: an address, a domain, a Message-ID, a number of the queue, or the id
    under which a message came; nothing for the newest. Raises Invalid (field `query`)."""
    text = query.strip()
    try:
        whose = Part(part or Part.EITHER.value)
    except ValueError:
        raise Invalid("Not a part of an envelope", "part") from None
    span: dict[str, Any] = {"since": since, "until": until}
    if not text:
        return Sought(part=whose, **span)
    if _TRANSACTION.fullmatch(text):
        return Sought(transaction=text, **span)
    if text.isdecimal() and len(text) < 19:
        return Sought(entry=int(text), **span)
    if text.startswith("<") and text.endswith(">"):
        return Sought(message_id=text, **span)
    try:
        if "@" not in text.lstrip("@"):
            return Sought(address="@" + grammar.domain(text.lstrip("@")), part=whose, **span)
        local, domain = grammar.split(text)
    except Invalid as error:
        raise Invalid(error.text, "query") from None
    return Sought(address=grammar.join(local, domain).lower(), part=whose, **span)


class Stories:
    """Finds messages, and tells what became of one."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def seal(self) -> None:
        """Comes round: makes what was journaled found quickly."""
        while await self._storage.trail.seal():
            await self._clock.pause()

    async def search(self, wanted: Sought, *, before: int = 0, limit: int = 50) -> Lines:
        """Messages, newest first; where nothing is found among those that were looked at, there may
        be more all the same."""
        traced = await self._storage.trail.search(wanted, before, limit)
        lines: dict[str, Line] = {}
        for entry in traced.entries:
            said = _said(entry)
            transaction = _bare(said)
            known = lines.get(transaction)
            if known is None or entry.kind == "accepted":
                lines[transaction] = _line(entry, said, known)
        return Lines(tuple(lines.values()), traced.before)

    async def tell(self, transaction: str) -> Story:
        """Raises NotFound where the journal knows of none."""
        if not _TRANSACTION.fullmatch(transaction):
            raise NotFound("The journal knows of no such message")
        transaction = transaction.partition(".")[0]
        traced = await self._storage.trail.search(Sought(transaction=transaction), 0, MOST)
        if not traced.entries:
            raise NotFound("The journal knows of no such message")
        rows = {one.number: one for one in traced.entries}
        for one in traced.entries:
            if one.kind == "accepted":
                beside = await self._storage.trail.commit(one)
                rows |= {row.number: row for row in beside}
        entries = [rows[number] for number in sorted(rows)]
        names = _Names(self._storage)
        tellings = [await _telling(entry, names) for entry in entries if entry.kind != "accepted"]
        fates, more = await self._storage.trail.follow(_places(entries))
        for fate in fates:
            tellings += await _told(fate, names)
        return Story(
            transaction,
            tuple(_accepted(entry) for entry in entries if entry.kind == "accepted"),
            sorted(tellings, key=lambda one: one.at),
            await self._waiting(entries),
            more or bool(traced.before and len(traced.entries) >= MOST),
        )

    async def _waiting(self, entries: Sequence[JournalEntry]) -> Sequence[QueueEntry]:
        numbers = [
            number
            for entry in entries
            if entry.kind == "queued"
            for number in _said(entry).get("entries", ())
        ]
        return await self._storage.queue.entries(numbers[:MOST]) if numbers else ()


def _line(entry: JournalEntry, said: Mapping[str, Any], newer: Line | None) -> Line:
    tried = entry.kind in TRIES
    recipients = [said["recipient"]] if tried else said.get("recipients", ())
    last = newer.last if newer is not None else entry.kind if tried else ""
    return Line(
        entry.number,
        entry.at,
        _bare(said),
        said.get("sender", ""),
        recipients,
        said.get("message_id", ""),
        last,
    )


def _said(entry: JournalEntry) -> dict[str, Any]:
    found = json.loads(entry.detail) if entry.detail else {}
    return found if isinstance(found, dict) else {}


def _bare(said: Mapping[str, Any]) -> str:
    return str(said.get("transaction", "")).partition(".")[0]


def _accepted(entry: JournalEntry) -> Accepted:
    said = _said(entry)
    service, _, peer = entry.actor.source.partition(" ")
    return Accepted(
        at=entry.at,
        transaction=said["transaction"],
        message_id=said.get("message_id", ""),
        sender=said.get("sender", ""),
        recipients=said.get("recipients", ()),
        more=said.get("more", 0),
        size=said.get("size", 0),
        protocol=said.get("protocol", ""),
        service=service,
        peer=peer,
        port=said.get("port", 0),
        helo=said.get("helo", ""),
        tls=said.get("tls", ""),
        user=said.get("user", ""),
        results=said.get("results", ()),
        found=said.get("found", ()),
        score=said.get("score", 0.0),
        consequence=said.get("consequence", ""),
    )


def _places(entries: Sequence[JournalEntry]) -> list[Place]:
    """Where copies of it came to rest."""
    found: list[Place] = []
    for entry in entries:
        if entry.kind != "arrived" or entry.account is None or entry.mailbox is None:
            continue
        flags = _said(entry).get("flags", 0)
        code = flags if isinstance(flags, int) else 0
        for uid in _uids(entry.uids):
            found.append(Place(entry.account, entry.mailbox, uid, entry.number, code))
    return found[:COPIES]


def _uids(text: str) -> UidSet:
    """What `UidSet.text` wrote."""
    ranges = [part.partition(":") for part in text.split(",") if part]
    return UidSet(tuple((int(low), int(high or low)) for low, _, high in ranges))


async def _telling(entry: JournalEntry, names: _Names) -> Telling:
    """A row of the hand-over itself, or of a try."""
    said = _said(entry)
    owner = await names.user(entry.account)
    if entry.kind in TRIES:
        return Telling(
            int(said.get("at") or entry.at),
            entry.kind,
            recipient=said.get("recipient", ""),
            remote=said.get("remote", ""),
            tls=said.get("tls", ""),
            status=said.get("status", ""),
            said=said.get("reply", ""),
            due=said.get("due") or 0,
        )
    if entry.kind == "arrived":
        mailbox = await names.box(entry.account, entry.mailbox)
        return Telling(entry.at, "stored", owner=owner, mailbox=mailbox)
    if entry.kind == "queued":
        return Telling(entry.at, "queued", said=str(len(said.get("entries", ()))))
    kind = entry.kind if entry.kind in RULED else "noted"
    by = said.get("by") or [said.get("reason", "")]
    return Telling(entry.at, kind, owner=owner, said=", ".join(map(str, by)))


async def _told(fate: Fate, names: _Names) -> list[Telling]:
    """What a row says of the message in its mailbox."""
    entry, place = fate.entry, fate.place
    service, _, peer = entry.actor.source.partition(" ")
    common: dict[str, Any] = {
        "owner": await names.user(place.account),
        "mailbox": await names.box(place.account, place.mailbox),
        "who": await names.user(entry.actor.account),
        "service": service,
        "peer": peer,
    }
    to = ""
    if fate.moved is not None:
        to = await names.box(fate.moved.account, fate.moved.mailbox)
    if entry.kind == "flagged":
        assert fate.flags is not None
        now, before = fate.flags, place.flags
        if (now ^ before) & SEEN:
            return [Telling(entry.at, "read" if now & SEEN else "unread", **common)]
        return [Telling(entry.at, "flagged", said=" ".join(fate.names), **common)]
    if entry.kind == "arrived":
        return [Telling(entry.at, "copied", to=to, **common)]
    if entry.kind == "mailboxchanged":
        return [Telling(entry.at, "mailbox-removed", **common)]
    return [Telling(entry.at, "moved" if fate.moved is not None else "removed", to=to, **common)]


class _Names:
    """Accounts and mailboxes by the names that they have now; a number where they are gone."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._users: dict[int, str] = {}
        self._boxes: dict[int, dict[int, str]] = {}

    async def user(self, number: int | None) -> str:
        """The account's user name."""
        if number is None:
            return ""
        if number not in self._users:
            account = await self._storage.accounts.get(number)
            self._users[number] = account.username if account is not None else f"#{number}"
        return self._users[number]

    async def box(self, account: int | None, number: int | None) -> str:
        """The mailbox's path."""
        if account is None or number is None:
            return ""
        if account not in self._boxes:
            boxes = await self._storage.mailboxes.all(account)
            self._boxes[account] = {one.number: one.name for one in boxes}
        return self._boxes[account].get(number, f"#{number}")
