"""Accounts that a directory of the organisation keeps: they appear here, follow it, and are shut.

An entry becomes an account when somebody logs in with it, when mail for it comes, or when
everything is compared. What the directory says of a name is believed for a stated time; when it is
away, what is known goes on, and of what is not known nobody is told that it does not exist.
Accounts are never removed by what a directory says: they are shut, with all their mail.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.model.account import Account, Limits, Role
from mailhub.model.change import Actor
from mailhub.model.directory import Comparison, Entry, Mirror
from mailhub.model.errors import AlreadyExists, Conflict, Invalid, MailhubError, NotFound
from mailhub.ports import Clock, Entries, Log, Storage
from mailhub.wire import address as grammar

ACTOR = Actor(source="directory")
MISSES = 10_000
"""Names that are known not to be there."""
MOST_GONE = 10
"""Accounts that a comparison may shut at once, where that is not less than half of them: more is
rather a wrong setting than a day's leavers."""


class Mirroring:
    """`domains`: those whose accounts the directory has. `life`: seconds for which is believed
    what it said of a name."""

    def __init__(
        self,
        entries: Entries,
        storage: Storage,
        accounts: Accounts,
        addresses: Addresses,
        domains: Domains,
        clock: Clock,
        log: Log,
        *,
        names: Sequence[str],
        life: int,
    ) -> None:
        self._entries = entries
        self._storage = storage
        self._accounts = accounts
        self._addresses = addresses
        self._domains = domains
        self._clock = clock
        self._log = log
        self._names = frozenset(grammar.domain(name) for name in names)
        self._life = life
        self._misses: dict[str, float] = {}

    def concerns(self, name: str) -> bool:
        """Whether the directory may know this login name or address: one without a domain, or in
        one of its own."""
        domain = name.rpartition("@")[2]
        return domain == name or domain in self._names

    async def settle(self) -> None:
        """Makes the directory's domains local: mail for them ends here from the first moment."""
        for name in self._names:
            await self._domains.ensure(name, ACTOR)

    async def discover(self, address: str) -> bool:
        """Whether an address that nobody has here is somebody's there. Raises Unavailable."""
        return self.concerns(address) and await self.look(address) is not None

    async def of(self, account: int) -> Mirror | None:
        """The entry that an account is; None for one of our own."""
        return await self._storage.mirrors.get(account)

    async def look(self, name: str) -> Account | None:
        """The account of whoever has this name there, made where it is new here; None where nobody
        has. Raises Unavailable: the directory is away, so nobody knows."""
        now = self._clock.seconds()
        until = self._misses.get(name)
        if until is not None and until > now:
            return None
        entry = await self._entries.find(name)
        if entry is None:
            self._remember_miss(name, now)
            return None
        try:
            return (await self._take(entry))[0]
        except (AlreadyExists, Conflict, Invalid) as error:
            self._refused(entry, error)
            return None

    async def look_again(self, account: Account, mirror: Mirror) -> Account:
        """The account as it is now there, where what is known is older than `life`. While the
        directory is away it stays as it is."""
        if int(self._clock.now()) - mirror.seen < self._life:
            return account
        try:
            entry = await self._entries.get(mirror.key)
            if entry is None:
                await self._shut(mirror)
            else:
                await self._take(entry)
        except MailhubError as error:
            self._log.event("directory", outcome="not-refreshed", level="warn", reason=error.text)
            return account
        return await self._accounts.get(account.number)

    async def known(self) -> Sequence[tuple[Account, Mirror]]:
        """Every account that is an entry there; not those that were removed here."""
        found = []
        for mirror in await self._storage.mirrors.all():
            account = await self._storage.accounts.get(mirror.account)
            if account is not None:
                found.append((account, mirror))
        return found

    async def prove(self, mirror: Mirror, password: str) -> bool:
        """Whether the directory takes this password. Raises Unavailable."""
        return await self._entries.prove(mirror.place, password)

    async def keep_up(self) -> None:
        """As `compare`, for those who do it again and again. Raises Unavailable."""
        await self.settle()
        try:
            await self.compare()
        except Conflict as error:
            self._log.event("directory", outcome="not-compared", level="error", reason=error.text)

    async def compare(self, *, force: bool = False) -> Comparison:
        """Brings all accounts to what the directory says now.

        Raises Unavailable; Conflict, where so many entries are gone that something is rather
        wrong: `force` shuts their accounts all the same.
        """
        entries = await self._entries.all()
        here = await self._storage.mirrors.all()
        keys = {entry.key for entry in entries}
        gone = [mirror for mirror in here if mirror.key not in keys and not mirror.locked]
        if not force and len(gone) > max(MOST_GONE, len(here) // 2):
            raise Conflict(f"{len(gone)} of {len(here)} accounts are gone from the directory")
        created = changed = 0
        refused: list[tuple[str, str]] = []
        for entry in entries:
            try:
                _, how = await self._take(entry)
            except (AlreadyExists, Conflict, Invalid, NotFound) as error:
                refused.append((entry.username, error.text))
                self._refused(entry, error)
                continue
            created += how == "created"
            changed += how == "changed"
        for mirror in gone:
            await self._shut(mirror)
        self._misses.clear()
        self._log.event(
            "directory",
            outcome="compared",
            entries=len(entries),
            created=created,
            changed=changed,
            locked=len(gone),
        )
        return Comparison(len(entries), created, changed, len(gone), tuple(refused))

    # -- one entry

    async def _take(self, entry: Entry) -> tuple[Account, str]:
        """The account that the entry is, and whether it was created, changed or neither."""
        mirror = await self._storage.mirrors.by_key(entry.key)
        if mirror is None:
            return await self._create(entry), "created"
        try:
            account = await self._accounts.get(mirror.account)
        except NotFound:
            raise Conflict("The account was removed here") from None
        how = ""
        given = mirror.addresses
        if mirror.digest != entry.digest or mirror.locked != entry.locked:
            account = await self._change(account, mirror, entry)
            given = await self._readdress(account, mirror.addresses, entry)
            account = await self._accounts.get(account.number)
            how = "changed"
        await self._note(account, entry, given)
        return account, how

    async def _create(self, entry: Entry) -> Account:
        """Raises AlreadyExists (an account or address of our own has the name)."""
        await self.settle()
        wanted = self._wanted(entry)
        order = AccountOrder(
            username=entry.username,
            address=wanted[0] if wanted else "",
            name=entry.name,
            role=Role.ADMIN if entry.admin else Role.USER,
            limits=Limits(storage=entry.quota),
            disabled=entry.locked,
        )
        try:
            account = await self._accounts.create(order, ACTOR)
        except AlreadyExists:
            other = await self._storage.mirrors.by_key(entry.key)
            if other is None:
                raise
            return await self._accounts.get(other.account)  # it came by another door meanwhile
        given = await self._readdress(account, wanted[:1], entry)
        await self._note(account, entry, given)
        self._log.event("directory", outcome="appeared", account=account.id)
        return await self._accounts.get(account.number)

    async def _change(self, account: Account, mirror: Mirror, entry: Entry) -> Account:
        """What an administrator here shut stays shut."""
        ours = account.disabled and not mirror.locked
        return await self._accounts.update(
            dataclasses.replace(
                account,
                username=entry.username,
                name=entry.name,
                role=Role.ADMIN if entry.admin else Role.USER,
                limits=dataclasses.replace(account.limits, storage=entry.quota),
                disabled=ours or entry.locked,
            ),
            ACTOR,
        )

    async def _readdress(
        self, account: Account, before: Sequence[str], entry: Entry
    ) -> tuple[str, ...]:
        """Gives the account what the entry has, and takes what it had from it; those it has now.
        Addresses that people here made stay."""
        wanted = self._wanted(entry)
        rows = {row.key: row for row in await self._addresses.of_account(account.number)}
        given: list[str] = []
        for place, address in enumerate(wanted):
            row = rows.get(address)
            try:
                if row is None:
                    await self._addresses.create(
                        address, ACTOR, account=account.number, name=entry.name, main=not place
                    )
                elif not place and not row.main:
                    await self._addresses.update(dataclasses.replace(row, main=True), ACTOR)
            except (AlreadyExists, Invalid) as error:
                self._refused(entry, error)
                continue
            given.append(address)
        over = set(before).difference(wanted) if given else ()
        for row in await self._addresses.of_account(account.number) if over else ():
            if row.key in over:
                await self._addresses.remove(row, ACTOR)
        return tuple(given)

    def _wanted(self, entry: Entry) -> list[str]:
        """Its addresses in the directory's domains, as keys, the main one first."""
        found: dict[str, None] = {}
        for text in entry.addresses:
            try:
                key = grammar.key(text, delimiter="")
            except Invalid:
                continue
            if key.rpartition("@")[2] in self._names:
                found[key] = None
        return list(found)

    async def _note(self, account: Account, entry: Entry, given: tuple[str, ...]) -> None:
        await self._storage.mirrors.put(
            Mirror(
                account.number,
                entry.key,
                entry.place,
                entry.digest,
                given,
                int(self._clock.now()),
                entry.locked,
            ),
            ACTOR,
        )

    async def _shut(self, mirror: Mirror) -> None:
        """The entry is gone: its account is shut, and keeps its mail."""
        try:
            account = await self._accounts.get(mirror.account)
        except NotFound:
            return  # removed here before
        if not account.disabled:
            await self._accounts.update(dataclasses.replace(account, disabled=True), ACTOR)
        now = int(self._clock.now())
        await self._storage.mirrors.put(dataclasses.replace(mirror, locked=True, seen=now), ACTOR)
        self._log.event("directory", outcome="gone", account=account.id)

    def _refused(self, entry: Entry, error: MailhubError) -> None:
        self._log.event(
            "directory",
            outcome="refused",
            level="warn",
            username=entry.username,
            reason=error.text,
        )

    def _remember_miss(self, name: str, now: float) -> None:
        if len(self._misses) >= MISSES:
            self._misses = {one: until for one, until in self._misses.items() if until > now}
        if len(self._misses) < MISSES:
            self._misses[name] = now + self._life
