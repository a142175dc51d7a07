"""The storage ports over whatever runs the work: a thread with SQLite, or this one in memory.

Each method names one function of this package and nothing else; which thread runs it, and when
it is durable, is the runner's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mailhub.model.account import Account, NewAccount, Secrets
from mailhub.model.address import Address, Domain, NewAddress
from mailhub.model.change import Actor, JournalEntry
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.mailbox import Mailbox, NewMailbox
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
from mailhub.ports import Body
from mailhub.store import (
    accounts,
    addresses,
    domains,
    journal,
    mailboxes,
    messages,
    moves,
)
from mailhub.store import flags as flag_codes
from mailhub.store.arrivals import Blob, Entry, Order
from mailhub.store.attempts import Record
from mailhub.store.batch import Bytes
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


class AccountService:
    """`ports.Accounts`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def create(
        self,
        order: NewAccount,
        secrets: Secrets,
        mailboxes: Sequence[NewMailbox],
        addresses: Sequence[NewAddress],
        actor: Actor,
    ) -> Awaitable[Account]:
        return self._runner.write(accounts.create, order, secrets, mailboxes, addresses, actor)

    def get(self, number: int) -> Awaitable[Account | None]:
        return self._runner.read(accounts.get, number)

    def by_id(self, id: str) -> Awaitable[Account | None]:
        return self._runner.read(accounts.by_id, id)

    def by_username(self, username: str) -> Awaitable[Account | None]:
        return self._runner.read(accounts.by_username, username)

    def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
    ) -> Awaitable[tuple[Sequence[Account], int]]:
        return self._runner.read(accounts.page, after, before, limit, query, tags, required_tags)

    def replace(self, account: Account, actor: Actor) -> Awaitable[Account]:
        return self._runner.write(accounts.replace, account, actor)

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(accounts.remove, number, actor)

    def secrets(self, number: int) -> Awaitable[Secrets]:
        return self._runner.read(accounts.secrets, number)

    def set_secrets(
        self, number: int, secrets: Secrets, actor: Actor, *, end_sessions: bool
    ) -> Awaitable[Account]:
        return self._runner.write(accounts.set_secrets, number, secrets, actor, end_sessions)

    def count(self) -> Awaitable[int]:
        return self._runner.read(accounts.count)


class DomainService:
    """`ports.Domains`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def add(self, domain: Domain, actor: Actor) -> Awaitable[Domain]:
        return self._runner.write(domains.add, domain, actor)

    def get(self, name: str) -> Awaitable[Domain | None]:
        return self._runner.read(domains.get, name)

    def all(self) -> Awaitable[Sequence[Domain]]:
        return self._runner.read(domains.every)

    def replace(self, domain: Domain, actor: Actor) -> Awaitable[Domain]:
        return self._runner.write(domains.replace, domain, actor)

    def remove(self, name: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(domains.remove, name, actor)


class AddressService:
    """`ports.Addresses`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def add(self, order: NewAddress, actor: Actor) -> Awaitable[Address]:
        return self._runner.write(addresses.add, order, actor)

    def get(self, key: str) -> Awaitable[Address | None]:
        return self._runner.read(addresses.get, key)

    def by_id(self, id: str) -> Awaitable[Address | None]:
        return self._runner.read(addresses.by_id, id)

    def match(self, keys: Sequence[str]) -> Awaitable[Address | None]:
        return self._runner.read(addresses.match, keys)

    def of_account(self, account: int) -> Awaitable[Sequence[Address]]:
        return self._runner.read(addresses.of_account, account)

    def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        domain: str = "",
    ) -> Awaitable[tuple[Sequence[Address], int]]:
        return self._runner.read(addresses.page, after, before, limit, query, domain)

    def replace(self, address: Address, actor: Actor) -> Awaitable[Address]:
        return self._runner.write(addresses.replace, address, actor)

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(addresses.remove, number, actor)


class MailboxService:
    """`ports.Mailboxes`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def all(self, account: int) -> Awaitable[Sequence[Mailbox]]:
        return self._runner.read(mailboxes.every, account)

    def get(self, account: int, name: str) -> Awaitable[Mailbox | None]:
        return self._runner.read(mailboxes.get, account, name)

    def by_number(self, account: int, number: int) -> Awaitable[Mailbox | None]:
        return self._runner.read(mailboxes.by_number, account, number)

    def create(
        self, account: int, orders: Sequence[NewMailbox], actor: Actor
    ) -> Awaitable[Sequence[Mailbox]]:
        return self._runner.write(mailboxes.create, account, orders, actor)

    def rename(
        self, account: int, moves: Sequence[tuple[int, str]], actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(mailboxes.rename, account, moves, actor)

    def drain(
        self, account: int, source: int, order: NewMailbox, actor: Actor
    ) -> Awaitable[Mailbox]:
        return self._runner.write(moves.drain, account, source, order, actor)

    def remove(self, account: int, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(mailboxes.remove, account, number, actor)

    def subscribe(self, account: int, name: str, subscribed: bool, actor: Actor) -> Awaitable[None]:
        return self._runner.write(mailboxes.subscribe, account, name, subscribed, actor)

    def subscriptions(self, account: int) -> Awaitable[Sequence[str]]:
        return self._runner.read(mailboxes.subscriptions, account)

    def set_special_use(
        self, account: int, number: int, special_use: str, actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(mailboxes.set_special_use, account, number, special_use, actor)

    def claim_recent(self, account: int, number: int) -> Awaitable[int]:
        return self._runner.write(mailboxes.claim_recent, account, number)


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
    ) -> Awaitable[Sequence[Arrival]]:
        order = partial(delivery, transaction, rendered, copies, sender, onward, actor)
        return self._runner.arrive((Bytes.of(body),), order)

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
        self, account: int, mailbox: int, uids: UidSet, actor: Actor, *, only_deleted: bool = True
    ) -> Awaitable[tuple[UidSet, int]]:
        return self._runner.write(moves.expunge, account, mailbox, uids, actor, only_deleted)

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
) -> Order:
    """The order that `ports.Messages.deliver` describes, over the one blob of its body."""
    blob = blobs[0]
    entries = [
        Entry(one.account, one.mailbox, blob, rendered, one.prefix, one.flags, one.internaldate)
        for one in copies
    ]
    outgoing = (blob, sender, onward) if sender is not None and onward else None
    return Order(entries, actor, token, outgoing)


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
