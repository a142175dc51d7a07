"""The storage ports over whatever runs the work: a thread with SQLite, or this one in memory.
Those for accounts and what belongs to them stand in `people`.

Each method names one function of this package and nothing else; which thread runs it, and when
it is durable, is the runner's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mailhub.model.change import Actor, JournalEntry
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.message import (
    Arrival,
    BlobRef,
    Content,
    Copied,
    Copy,
    Index,
    Rendered,
    Stored,
)
from mailhub.model.queue import Onward, QueueSender
from mailhub.model.uids import UidSet
from mailhub.ports import Besides, Body, Companion
from mailhub.store import flags as flag_codes
from mailhub.store import journal, messages, moves
from mailhub.store.attempts import Record
from mailhub.store.batch import Bytes
from mailhub.store.orders import Blob, Entry, Leaving, Order
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Runner(Protocol):
    """Runs a function on a cursor and says what came of it."""

    def read(
        self, work: Callable[Concatenate[Cursor, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """On a snapshot of one moment."""
        ...

    def read_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> Awaitable[tuple[T, Sequence[bytes]]]:
        """As `read`, with the bytes of the blobs that `work` names; none where any is damaged."""
        ...

    def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """In a commit, and durable when it answers."""
        ...

    def arrive(
        self,
        bodies: Sequence[Bytes],
        order: Callable[[Sequence[Blob]], Order],
        replaced: tuple[int, int] | None = None,
    ) -> Awaitable[Sequence[Arrival]]:
        """Puts the bodies into the store and carries out the order made of them."""
        ...

    def record(
        self,
        record: Record,
        bodies: Sequence[Bytes],
        notices: Callable[[Sequence[Blob]], Sequence[Order]],
    ) -> Awaitable[Sequence[int]]:
        """Records what became of queue entries, and carries out the orders made of the bodies."""
        ...


class MessageService:
    """`ports.Messages`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def deliver(
        self,
        transaction: str,
        body: Body,
        rendered: Rendered,
        copies: Sequence[Copy],
        sender: QueueSender | None,
        onward: Sequence[Onward],
        actor: Actor,
        besides: Besides | None = None,
        *,
        again: bool = True,
    ) -> Awaitable[Sequence[Arrival]]:
        if besides is None:
            order = partial(
                delivery, transaction, rendered, copies, sender, onward, actor, again=again
            )
            return self._runner.arrive((Bytes.of(body),), order)
        messages = list(besides.messages)
        if copies or onward:
            messages.insert(0, Companion(body, rendered, copies, sender, onward))
        bodies = [Bytes.of(one.body) for one in messages]
        return self._runner.arrive(
            bodies, partial(_together, transaction, messages, besides, actor, again=again)
        )

    def append(
        self,
        account: int,
        mailbox: int,
        messages: Sequence[tuple[Body, Rendered, Flags, int]],
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> Awaitable[Sequence[Arrival]]:
        bodies = [Bytes.of(body) for body, _, _, _ in messages]
        facts = [(rendered, given, date) for _, rendered, given, date in messages]
        order = partial(_appending, account, mailbox, facts, actor)
        return self._runner.arrive(bodies, order, replaces)

    def index(self, account: int, mailbox: int) -> Awaitable[Index]:
        return self._runner.read(messages.index, account, mailbox)

    def envelopes(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]:
        return self._runner.read(messages.envelopes, account, mailbox, uids)

    def bodystructures(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]:
        return self._runner.read(messages.bodystructures, account, mailbox, uids)

    def contents(self, account: int, mailbox: int, uids: UidSet) -> Awaitable[Sequence[Content]]:
        return self._runner.read(messages.contents, account, mailbox, uids)

    def rendered(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, Rendered]]]:
        return self._runner.read(messages.rendered, account, mailbox, uids)

    def marks(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, str, str, int, str]]]:
        return self._runner.read(messages.marks, account, mailbox, uids)

    def store_flags(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        mode: FlagMode,
        flags: Flags,
        actor: Actor,
        *,
        unchanged_since: int | None = None,
    ) -> Awaitable[Stored]:
        return self._runner.write(
            flag_codes.store, account, mailbox, uids, mode, flags, actor, unchanged_since
        )

    def copy(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        return self._runner.write(moves.copy, account, mailbox, uids, destination, actor)

    def move(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        return self._runner.write(moves.move, account, mailbox, uids, destination, actor)

    def expunge(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        actor: Actor,
        *,
        only_deleted: bool = True,
        keep: bool = False,
    ) -> Awaitable[tuple[UidSet, int]]:
        return self._runner.write(moves.expunge, account, mailbox, uids, actor, only_deleted, keep)

    def vanished(
        self, account: int, mailbox: int, since: int, uids: UidSet | None = None
    ) -> Awaitable[UidSet]:
        return self._runner.read(messages.vanished, account, mailbox, since, uids)

    def changed_flags(
        self, account: int, mailbox: int, since: int
    ) -> Awaitable[Sequence[tuple[int, int, int]]]:
        return self._runner.read(messages.changed_flags, account, mailbox, since)


def delivery(
    token: str,
    rendered: Rendered,
    copies: Sequence[Copy],
    sender: QueueSender | None,
    onward: Sequence[Onward],
    actor: Actor,
    blobs: Sequence[Blob],
    *,
    again: bool = True,
) -> Order:
    """The order that `ports.Messages.deliver` describes, over the one blob of its body."""
    blob = blobs[0]
    leaving = (Leaving(blob, sender, onward),) if sender is not None and onward else ()
    return Order(_entries(blob, rendered, copies), actor, token, leaving, again=again)


def _together(
    token: str,
    messages: Sequence[Companion],
    besides: Besides,
    actor: Actor,
    blobs: Sequence[Blob],
    *,
    again: bool,
) -> Order:
    """As `delivery`, over several messages."""
    entries: list[Entry] = []
    leaving: list[Leaving] = []
    for one, blob in zip(messages, blobs, strict=True):
        entries += _entries(blob, one.rendered, one.copies)
        if one.sender is not None and one.onward:
            leaving.append(Leaving(blob, one.sender, one.onward, one.account, one.once))
    return Order(entries, actor, token, leaving, besides.marks, besides.notes, again)


def _entries(blob: Blob, rendered: Rendered, copies: Sequence[Copy]) -> list[Entry]:
    return [
        Entry(one.account, one.mailbox, blob, rendered, one.prefix, one.flags, one.internaldate)
        for one in copies
    ]


def _appending(
    account: int,
    mailbox: int,
    facts: Sequence[tuple[Rendered, Flags, int]],
    actor: Actor,
    blobs: Sequence[Blob],
) -> Order:
    entries = [
        Entry(account, mailbox, blob, rendered, b"", given, date)
        for blob, (rendered, given, date) in zip(blobs, facts, strict=True)
    ]
    return Order(entries, actor)


class JournalService:
    """`ports.Journal`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def since(
        self, number: int, *, account: int | None = None, limit: int = 1000
    ) -> Awaitable[Sequence[JournalEntry]]:
        return self._runner.read(journal.since, number, account, limit)

    def note(self, account: int | None, kind: str, detail: str, actor: Actor) -> Awaitable[int]:
        return self._runner.write(journal.note, account, kind, detail, actor)
