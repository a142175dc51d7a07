"""The storage ports for accounts, domains, addresses and mailboxes; as `services`."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.account import Account, NewAccount, RemovedAccount, Secrets
from mailhub.model.address import Address, Domain, NewAddress, Renamed
from mailhub.model.change import Actor
from mailhub.model.mailbox import Mailbox, NewMailbox
from mailhub.store import accounts, addresses, domains, mailboxes, moves, removals, renaming
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor


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

    def remove(self, number: int, actor: Actor, *, due: int = 0) -> Awaitable[int]:
        return self._runner.write(removals.remove, number, actor, due)

    def removed(self, id: str) -> Awaitable[RemovedAccount | None]:
        return self._runner.read(removals.by_id, id)

    def all_removed(self) -> Awaitable[Sequence[RemovedAccount]]:
        return self._runner.read(removals.every)

    def restore(self, id: str, actor: Actor) -> Awaitable[tuple[Account, int]]:
        return self._runner.write(removals.restore, id, actor)

    def count_again(self, number: int) -> Awaitable[tuple[int, int]]:
        return self._runner.write(accounts.count_again, number)

    def end_sessions(self, number: int, actor: Actor, reason: str) -> Awaitable[Account]:
        return self._runner.write(accounts.end_sessions, number, actor, reason)

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

    def clash(self, old: str, new: str) -> Awaitable[str]:
        return self._runner.read(renaming.clash, old, new)

    def begin_renaming(self, old: str, new: Domain, actor: Actor) -> Awaitable[Renamed]:
        return self._runner.write(renaming.begin, old, new, actor)

    def move_addresses(self, old: str, new: str, actor: Actor) -> Awaitable[int]:
        return self._runner.write(renaming.addresses, old, new, actor)

    def move_usernames(
        self, old: str, new: str, after: int, actor: Actor
    ) -> Awaitable[tuple[int, int]]:
        return self._runner.write(renaming.usernames, old, new, after, actor)

    def move_targets(self, old: str, new: str, after: int, actor: Actor) -> Awaitable[int]:
        return self._runner.write(renaming.targets, old, new, after, actor)

    def finish_renaming(self, old: str, actor: Actor) -> Awaitable[bool]:
        return self._runner.write(renaming.finish, old, actor)


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
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
    ) -> Awaitable[tuple[Sequence[Address], int]]:
        return self._runner.read(
            addresses.page, after, before, limit, query, domain, tags, required_tags
        )

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

    def by_id(self, account: int, id: str) -> Awaitable[Mailbox | None]:
        return self._runner.read(mailboxes.by_id, account, id)

    def named(self, account: str, mailbox: str) -> Awaitable[tuple[Account | None, Mailbox | None]]:
        return self._runner.read(_named, account, mailbox)

    def set_options(
        self, account: int, number: int, retention: int, hidden: bool, actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(mailboxes.set_options, account, number, retention, hidden, actor)

    def number_from(
        self, account: int, number: int, uidvalidity: int, uidnext: int, actor: Actor
    ) -> Awaitable[Mailbox]:
        return self._runner.write(
            mailboxes.number_from, account, number, uidvalidity, uidnext, actor
        )

    def count_again(self, account: int, number: int) -> Awaitable[None]:
        return self._runner.write(mailboxes.count_again, account, number)

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

    def remove(
        self, account: int, number: int, actor: Actor, *, keep: bool = False
    ) -> Awaitable[None]:
        return self._runner.write(mailboxes.remove, account, number, actor, keep)

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


def _named(cursor: Cursor, account: str, mailbox: str) -> tuple[Account | None, Mailbox | None]:
    """See `ports.Mailboxes.named`."""
    found = accounts.by_id(cursor, account)
    return found, None if found is None else mailboxes.by_id(cursor, found.number, mailbox)
