"""What the store keeps for accounts: themselves, their addresses, mailboxes and messages."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.account import Account, NewAccount, Secrets
from mailhub.model.address import Address, Domain, NewAddress
from mailhub.model.change import Actor, JournalEntry
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.mailbox import Mailbox, NewMailbox
from mailhub.model.message import (
    Arrival,
    Content,
    Copied,
    Copy,
    Index,
    Rendered,
    Stored,
)
from mailhub.model.queue import (
    Onward,
    QueueSender,
)
from mailhub.model.uids import UidSet
from mailhub.ports.bodies import Body


class Accounts(Protocol):
    """Account rows and their secrets."""

    def create(
        self,
        order: NewAccount,
        secrets: Secrets,
        mailboxes: Sequence[NewMailbox],
        addresses: Sequence[NewAddress],
        actor: Actor,
    ) -> Awaitable[Account]:
        """All in one commit. Raises AlreadyExists (username, or an address: see `field`)."""
        ...

    def get(self, number: int) -> Awaitable[Account | None]: ...
    def by_id(self, id: str) -> Awaitable[Account | None]: ...
    def by_username(self, username: str) -> Awaitable[Account | None]: ...
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
        """Accounts with number > after, in number order, and how many match in all.

        `before` (not 0): the last ones with number < before instead, in number order too. `query`:
        substring of username or of an address; `tags`: any of them; `required_tags`: all of them;
        tags compare without regard to ASCII case."""
        ...

    def replace(self, account: Account, actor: Actor) -> Awaitable[Account]:
        """Stores every settable field (not counters or number); raises NotFound, AlreadyExists."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        """The account with its mailboxes, messages and addresses. Raises NotFound."""
        ...

    def secrets(self, number: int) -> Awaitable[Secrets]: ...
    def set_secrets(
        self, number: int, secrets: Secrets, actor: Actor, *, end_sessions: bool
    ) -> Awaitable[Account]:
        """`end_sessions` raises auth_version (a change of password; not a rehash)."""
        ...

    def count(self) -> Awaitable[int]: ...


class Domains(Protocol):
    """Local domains."""

    def add(self, domain: Domain, actor: Actor) -> Awaitable[Domain]: ...
    def get(self, name: str) -> Awaitable[Domain | None]: ...
    def all(self) -> Awaitable[Sequence[Domain]]: ...
    def replace(self, domain: Domain, actor: Actor) -> Awaitable[Domain]: ...
    def remove(self, name: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound, InUse while addresses stand in it."""
        ...


class Addresses(Protocol):
    """Local addresses and aliases."""

    def add(self, order: NewAddress, actor: Actor) -> Awaitable[Address]: ...
    def get(self, key: str) -> Awaitable[Address | None]: ...
    def by_id(self, id: str) -> Awaitable[Address | None]: ...
    def match(self, keys: Sequence[str]) -> Awaitable[Address | None]:
        """The first of `keys` that exists, in their order, in one look-up."""
        ...

    def of_account(self, account: int) -> Awaitable[Sequence[Address]]: ...
    def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        domain: str = "",
    ) -> Awaitable[tuple[Sequence[Address], int]]:
        """As `Accounts.page`. `query`: substring of the address."""
        ...

    def replace(self, address: Address, actor: Actor) -> Awaitable[Address]:
        """With `main` true the account's other addresses lose it."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]: ...


class Mailboxes(Protocol):
    """Mailboxes of an account."""

    def all(self, account: int) -> Awaitable[Sequence[Mailbox]]:
        """Sorted by name, INBOX first."""
        ...

    def get(self, account: int, name: str) -> Awaitable[Mailbox | None]: ...
    def by_number(self, account: int, number: int) -> Awaitable[Mailbox | None]: ...
    def create(
        self, account: int, orders: Sequence[NewMailbox], actor: Actor
    ) -> Awaitable[Sequence[Mailbox]]:
        """In one commit. Raises AlreadyExists, NotFound (account)."""
        ...

    def rename(
        self, account: int, moves: Sequence[tuple[int, str]], actor: Actor
    ) -> Awaitable[None]:
        """(number, new name) pairs in one commit. Raises AlreadyExists, NotFound."""
        ...

    def drain(
        self, account: int, source: int, order: NewMailbox, actor: Actor
    ) -> Awaitable[Mailbox]:
        """RENAME INBOX (RFC 9051 6.3.6): a new mailbox takes all messages; the source is empty."""
        ...

    def remove(self, account: int, number: int, actor: Actor) -> Awaitable[None]:
        """With its messages, and its subscription. Raises NotFound."""
        ...

    def subscribe(self, account: int, name: str, subscribed: bool, actor: Actor) -> Awaitable[None]:
        """Names that are no mailbox can be subscribed too (RFC 9051 6.3.7)."""
        ...

    def subscriptions(self, account: int) -> Awaitable[Sequence[str]]: ...
    def set_special_use(
        self, account: int, number: int, special_use: str, actor: Actor
    ) -> Awaitable[None]: ...
    def claim_recent(self, account: int, number: int) -> Awaitable[int]:
        """The first UID that no session was told of as recent; all later calls see later ones."""
        ...


class Messages(Protocol):
    """Messages in mailboxes: one method, one transaction, and the sync came before the answer."""

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
        """The body once, every copy, every queue entry, the journal: together or not at all.

        One Arrival per copy, in order. A `transaction` seen before changes nothing and returns
        what it returned then. `rendered.header_length` counts the blob alone; the store adds the
        prefix. Raises OverQuota (no copy is made), NotFound (account or mailbox gone),
        StorageFull, Unavailable (too much pending, or the store failed).
        """
        ...

    def append(
        self,
        account: int,
        mailbox: int,
        messages: Sequence[tuple[Body, Rendered, Flags, int]],
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> Awaitable[Sequence[Arrival]]:
        """All or none (RFC 3502). Each: body, rendered, flags, internaldate. `replaces`: (mailbox,
        uid) expunged in the same commit (RFC 8508). Raises as `deliver`."""
        ...

    def index(self, account: int, mailbox: int) -> Awaitable[Index]:
        """The whole mailbox's arrays. Raises NotFound."""
        ...

    def envelopes(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]:
        """(uid, ENVELOPE) of those that exist, in UID order; so with the next ones."""
        ...

    def bodystructures(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]: ...
    def contents(self, account: int, mailbox: int, uids: UidSet) -> Awaitable[Sequence[Content]]:
        """Where the bytes are, for `Blobs.read`."""
        ...

    def rendered(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, Rendered]]]: ...
    def marks(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, str, str, int, str]]]:
        """(uid, EMAILID, THREADID, SAVEDATE epoch seconds, PREVIEW)."""
        ...

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
    ) -> Awaitable[Stored]: ...
    def copy(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """Raises OverQuota, NotFound (destination)."""
        ...

    def move(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """One transaction: no instant shows a message twice or not at all."""
        ...

    def expunge(
        self, account: int, mailbox: int, uids: UidSet, actor: Actor, *, only_deleted: bool = True
    ) -> Awaitable[tuple[UidSet, int]]:
        """What went, and the MODSEQ (0 when nothing did)."""
        ...

    def vanished(
        self, account: int, mailbox: int, since: int, uids: UidSet | None = None
    ) -> Awaitable[UidSet]:
        """UIDs expunged after MODSEQ `since`; may name more than that (RFC 7162 3.2.5)."""
        ...

    def changed_flags(
        self, account: int, mailbox: int, since: int
    ) -> Awaitable[Sequence[tuple[int, int, int]]]:
        """(uid, flag code, modseq) of messages with MODSEQ > since, by UID."""
        ...


class Journal(Protocol):
    """The numbered record of every change."""

    def since(
        self, number: int, *, account: int | None = None, limit: int = 1000
    ) -> Awaitable[Sequence[JournalEntry]]: ...
    def note(self, account: int | None, kind: str, detail: str, actor: Actor) -> Awaitable[int]:
        """Writes an entry that changes nothing else (a login, an admin act)."""
        ...
