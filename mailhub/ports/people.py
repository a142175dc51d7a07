"""What the store keeps of people: accounts, domains, addresses and mailboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.account import Account, NewAccount, RemovedAccount, Secrets
from mailhub.model.address import Address, Domain, NewAddress, Renamed
from mailhub.model.change import Actor
from mailhub.model.mailbox import Mailbox, NewMailbox


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

    def remove(self, number: int, actor: Actor, *, due: int = 0) -> Awaitable[int]:
        """The account is gone for everybody, its name and addresses are free; how many addresses
        these were. At `due`, epoch seconds, its mailboxes and messages go too: until then it can
        be restored. Raises NotFound."""
        ...

    def removed(self, id: str) -> Awaitable[RemovedAccount | None]: ...
    def all_removed(self) -> Awaitable[Sequence[RemovedAccount]]:
        """All that can be restored, the next to go for good first."""
        ...

    def restore(self, id: str, actor: Actor) -> Awaitable[tuple[Account, int]]:
        """The account is back, and so many of its addresses: those that are free still. Raises
        NotFound, AlreadyExists (username)."""
        ...

    def count_again(self, number: int) -> Awaitable[tuple[int, int]]:
        """Sets what is used to what the mailboxes' counters say; bytes before and after. Raises
        NotFound."""
        ...

    def secrets(self, number: int) -> Awaitable[Secrets]: ...
    def set_secrets(
        self, number: int, secrets: Secrets, actor: Actor, *, end_sessions: bool
    ) -> Awaitable[Account]:
        """`end_sessions` raises auth_version (a change of password; not a rehash)."""
        ...

    def end_sessions(self, number: int, actor: Actor, reason: str) -> Awaitable[Account]:
        """Raises auth_version; `reason` is told with it. Raises NotFound."""
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

    # Another name, in steps of some hundred rows each; done again from the start they go on.

    def clash(self, old: str, new: str) -> Awaitable[str]:
        """An address or a username that both have, or empty."""
        ...

    def begin_renaming(self, old: str, new: Domain, actor: Actor) -> Awaitable[Renamed]:
        """Makes `new` unless it is there, with the aliases and keys of the domain called `old`,
        which becomes an alias of it. Raises NotFound."""
        ...

    def move_addresses(self, old: str, new: str, actor: Actor) -> Awaitable[int]:
        """Some addresses, and how many; 0: there is none left. Raises AlreadyExists."""
        ...

    def move_usernames(
        self, old: str, new: str, after: int, actor: Actor
    ) -> Awaitable[tuple[int, int]]:
        """Looks at some accounts with number > after: how many usernames changed, and the last
        account's number; 0: there is none left. Raises AlreadyExists."""
        ...

    def move_targets(self, old: str, new: str, after: int, actor: Actor) -> Awaitable[int]:
        """What leads to the domain in some rows with number > after; the last one's number, 0:
        there is none left."""
        ...

    def finish_renaming(self, old: str, actor: Actor) -> Awaitable[bool]:
        """Removes the old name; False: an address came into it meanwhile. Raises NotFound."""
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
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
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
    def by_id(self, account: int, id: str) -> Awaitable[Mailbox | None]: ...
    def named(self, account: str, mailbox: str) -> Awaitable[tuple[Account | None, Mailbox | None]]:
        """An account and a mailbox of it by their ids, in one look."""
        ...

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

    def remove(
        self, account: int, number: int, actor: Actor, *, keep: bool = False
    ) -> Awaitable[None]:
        """With its messages, and its subscription. `keep`: they go to the archive. Raises
        NotFound."""
        ...

    def subscribe(self, account: int, name: str, subscribed: bool, actor: Actor) -> Awaitable[None]:
        """Names that are no mailbox can be subscribed too (RFC 9051 6.3.7)."""
        ...

    def subscriptions(self, account: int) -> Awaitable[Sequence[str]]: ...
    def set_special_use(
        self, account: int, number: int, special_use: str, actor: Actor
    ) -> Awaitable[None]: ...
    def set_options(
        self, account: int, number: int, retention: int, hidden: bool, actor: Actor
    ) -> Awaitable[None]:
        """`retention`, in milliseconds, is for messages that come in from now on. A hidden
        mailbox loses its subscription. Raises NotFound."""
        ...

    def number_from(
        self, account: int, number: int, uidvalidity: int, uidnext: int, actor: Actor
    ) -> Awaitable[Mailbox]:
        """The next message gets `uidnext`, or what it would have got where that is more.

        `uidvalidity`: what it has to be; a mailbox that never had a message takes it over. 0: one
        that it never had, whatever lies in it: sessions that selected it end. Raises Conflict (it
        has another one, and had messages), NotFound."""
        ...

    def count_again(self, account: int, number: int) -> Awaitable[None]:
        """Sets the mailbox's counters to what lies in it. Raises NotFound."""
        ...

    def claim_recent(self, account: int, number: int) -> Awaitable[int]:
        """The first UID that no session was told of as recent; all later calls see later ones."""
        ...
