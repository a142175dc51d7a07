"""Takes in what `core.exporting` wrote, piece after piece, as often as somebody likes.

What is here already stays as it is: a second run adds what is missing and changes nothing. What
cannot be taken over is told in a line each, and the rest goes on.

An archive comes from somewhere else, and its owner need not be this server's: nothing in it makes
anybody an administrator, runs a program, or lets somebody send as anybody. An account gets its
password last, so that nobody sees it before its mail is there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from mailhub.core import domainfile as files
from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.core.filters import Filters
from mailhub.core.importedmail import MailImport
from mailhub.core.mailboxes import INBOX, Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.scripts import Scripts
from mailhub.core.signing import Keys
from mailhub.core.switching import Switching
from mailhub.core.zones import Zones
from mailhub.model.account import Account, Role, Scope, Sending
from mailhub.model.address import Address, Domain
from mailhub.model.change import Actor
from mailhub.model.dkim import KeyState
from mailhub.model.errors import AlreadyExists, Conflict, Invalid, MailhubError, NotFound
from mailhub.model.filter import Autoreply
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one thing. `new`: it was not here. `notes`: what could not be taken over."""

    new: bool
    notes: tuple[str, ...] = ()


class Importing:
    """Imports into one server. `mail`: the mail in them. `switching`: what a move from a server
    that goes on running asks besides."""

    def __init__(
        self,
        storage: Storage,
        domains: Domains,
        accounts: Accounts,
        addresses: Addresses,
        mailboxes: Mailboxes,
        mail: MailImport,
        filters: Filters,
        scripts: Scripts,
        keys: Keys,
        zones: Zones,
        mailroom: Mailroom,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._domains = domains
        self._accounts = accounts
        self._addresses = addresses
        self._mailboxes = mailboxes
        self.mail = mail
        self._filters = filters
        self._scripts = scripts
        self._keys = keys
        self._zones = zones
        self.switching = Switching(
            storage, domains, accounts, addresses, mailboxes, mailroom, clock
        )

    # -- the domain

    async def domain(self, given: files.DomainFile, actor: Actor) -> Taken:
        """The domain, its other names, keys and records. Raises Invalid, Unavailable."""
        notes: list[str] = []
        try:
            found, new = await self._domains.get(given.name), False
        except NotFound:
            found, new = (
                await self._domains.add(
                    given.name, actor, delimiter=given.delimiter, ignore_dots=given.ignore_dots
                ),
                True,
            )
        if found.relay or found.alias_of:
            raise Invalid(f"{found.name} is a relay domain or an alias here", field="domain")
        for name in given.aliases:
            await _tried(
                notes, f"domain {name}", self._domains.add(name, actor, alias_of=found.name)
            )
        await self._keys_of(found, given.keys, new, notes, actor)
        for name, kind, value in given.records:
            await _tried(notes, f"record {name} {kind}", self._record(name, kind, value, actor))
        return Taken(new, tuple(notes))

    async def _record(self, name: str, kind: str, value: str, actor: Actor) -> None:
        known = await self._zones.custom(name, kind)
        if value not in [one.value for one in known]:
            await self._zones.add(name, kind, value, actor)

    async def _keys_of(
        self,
        domain: Domain,
        given: Sequence[files.KeyFile],
        new: bool,
        notes: list[str],
        actor: Actor,
    ) -> None:
        """Keys sign as they did where the domain is new here; beside others they wait."""
        usable = [one for one in given if one.private]
        notes += [f"key {one.selector}: the archive is without its private half" for one in given
                  if not one.private and one.state != KeyState.RETIRED.value]  # fmt: skip
        if new and usable:
            await self._keys.forget(domain.name, actor)  # those it got when it was made
        known = {one.selector for one in await self._keys.all(domain.name)}
        for one in usable:
            if one.selector not in known:
                await _tried(notes, f"key {one.selector}", self._key(domain, one, new, actor))
        self._keys.reload(domain.name)

    async def _key(self, domain: Domain, one: files.KeyFile, new: bool, actor: Actor) -> None:
        try:
            state = KeyState(one.state)
        except ValueError:
            raise Invalid(f"{one.state} is no state of a key") from None
        added = await self._keys.add(domain.name, one.selector, one.private, actor)
        if new and state is not KeyState.PENDING:
            await self._storage.dkim_keys.move(domain.name, [added.selector], state, actor)

    # -- accounts

    async def account(self, given: files.AccountFile, domain: str, actor: Actor) -> Taken:
        """An account of `domain` without its password, its mailboxes without mail, its rules.
        Raises Invalid, Conflict (somebody else's account has its name), Unavailable."""
        address = grammar.join(*grammar.split(given.address))
        if address.rpartition("@")[2] != domain:
            raise Invalid(f"{given.address} is not in {domain}", field="address")
        notes: list[str] = []
        found, new = await self._found(given, address), False
        if found is None:
            found, new = await self._made(given, address, notes, actor), True
        await self._boxes(found, given, notes, actor)
        await self._rules(found, given, notes, actor)
        return Taken(new, tuple(notes))

    async def _found(self, given: files.AccountFile, address: str) -> Account | None:
        row = await self._storage.addresses.get(await self._key_of(address))
        if row is not None:
            if row.account is None or not row.main:
                raise Conflict(f"{address} is an alias here")
            return await self._accounts.get(row.account)
        try:
            await self._accounts.by_username(given.username)
        except NotFound:
            return None
        raise Conflict(f"{given.username} is the name of another account here")

    async def _key_of(self, address: str) -> str:
        domain = await self._domains.get(address.rpartition("@")[2])
        return grammar.key(address, delimiter="", ignore_dots=domain.ignore_dots)

    async def _made(
        self, given: files.AccountFile, address: str, notes: list[str], actor: Actor
    ) -> Account:
        if given.role != Role.USER.value:
            notes.append("was an administrator, and is none here")
        if given.factors:
            notes.append("had a second factor, which has to be set up again")
        sending = Sending.LOCAL if given.sending == Sending.LOCAL.value else Sending.OWN
        if given.sending == Sending.ANY.value:
            notes.append("could send as anybody, and sends as itself here")
        uses = {one.special_use: one.name for one in given.mailboxes if one.special_use}
        known = {scope.value: scope for scope in Scope}
        order = AccountOrder(
            username=given.username,
            address=address,
            name=given.name,
            limits=given.limits,
            language=given.language,
            retention=given.retention,
            tags=given.tags,
            metadata=given.metadata,
            disabled=given.disabled,
            sending=sending,
            spam_level=given.spam_level,
            targets=given.targets,
            encryption=given.encryption,
            disabled_scopes=frozenset(known[one] for one in given.disabled_scopes if one in known),
            mailboxes={use: name for use, name in uses.items() if name != INBOX},
        )
        try:
            made = await self._accounts.create(order, actor)
        except AlreadyExists as error:
            raise Conflict(error.text) from None
        if not given.suspended:
            return made
        return await self._accounts.update(dataclasses.replace(made, suspended=True), actor)

    async def _boxes(
        self, account: Account, given: files.AccountFile, notes: list[str], actor: Actor
    ) -> None:
        there = {box.name for box in await self._mailboxes.all(account.number)}
        used = {box.special_use for box in await self._mailboxes.all(account.number)}
        for one in given.mailboxes:
            if one.name in there:
                continue
            use = "" if one.special_use in used else one.special_use
            made = await _tried(
                notes,
                f"mailbox {one.name}",
                self._mailboxes.create(
                    account.number,
                    one.name,
                    actor,
                    special_use=use,
                    retention=one.retention,
                    hidden=one.hidden,
                ),
            )
            if made and not (one.subscribed or one.hidden):
                await self._mailboxes.subscribe(account.number, one.name, False, actor)
        wanted = set(given.subscriptions) - set(await self._mailboxes.subscriptions(account.number))
        hidden = {one.name for one in given.mailboxes if one.hidden}
        for name in sorted(wanted - hidden):
            await _tried(
                notes,
                f"subscription {name}",
                self._mailboxes.subscribe(account.number, name, True, actor),
            )

    async def _rules(
        self, account: Account, given: files.AccountFile, notes: list[str], actor: Actor
    ) -> None:
        """Filters, scripts and an automatic reply, where there is none of the kind."""
        boxes = {box.name: box.number for box in await self._mailboxes.all(account.number)}
        if not await self._filters.of_account(account.number):
            for one in given.filters:
                actions = dataclasses.replace(one.actions, mailbox=boxes.get(one.mailbox, 0))
                made = self._filters.create(
                    account,
                    one.name,
                    one.conditions,
                    actions,
                    actor,
                    disabled=one.disabled,
                    metadata=one.metadata,
                )
                await _tried(notes, f"filter {one.name}", made)
        known = {one.name for one in await self._scripts.all(account.number)}
        active = any(one.active for one in await self._scripts.all(account.number))
        for script in given.scripts:
            if script.name in known:
                continue
            put = self._scripts.put(account.number, script.name, script.source, actor)
            if await _tried(notes, f"script {script.name}", put) and script.active and not active:
                run = self._scripts.activate(account.number, script.name, actor)
                await _tried(notes, f"script {script.name}", run)
        reply = given.autoreply
        if reply is not None and await self._storage.filters.autoreply(account.number) is None:
            wanted = Autoreply(account.number, **dataclasses.asdict(reply))
            await _tried(notes, "automatic reply", self._filters.set_autoreply(wanted, actor))

    async def password(self, address: str, hashed: str, actor: Actor) -> bool:
        """The account's hash, unless it has a password; whether it got one. Raises NotFound,
        Invalid (this kind of hash is not known)."""
        account = await self._accounts.by_name(address)
        if not hashed or await self._accounts.has_password(account.number):
            return False
        await self._accounts.set_password(account.number, "", actor, hashed=hashed)
        return True

    # -- addresses

    async def alias(self, given: files.AddressFile, domain: str, actor: Actor) -> Taken:
        """An alias, or a further address of an account. Raises Invalid, NotFound (its owner),
        Conflict (the address is in use here in another way)."""
        if not given.address.endswith((f"@{domain}", "@*")):
            raise Invalid(f"{given.address} is not in {domain}", field="address")
        owner = None
        if given.owner:
            owner = (await self._accounts.by_username(given.owner)).number
        notes = ("the program it led to does not run here",) if given.program else ()
        if given.program and not (given.targets or owner or given.senders):
            return Taken(False, notes)
        try:
            made = await self._addresses.create(
                given.address,
                actor,
                account=owner,
                targets=given.targets,
                name=given.name,
                minilist=given.minilist,
                tags=given.tags,
                forwards=given.forwards,
                senders=given.senders,
            )
        except AlreadyExists:
            there = await self._addresses.get(given.address)
            if there.main and given.diverted:
                return await self._diverted(there, given, actor)
            if (there.account, there.targets) != (owner, given.targets):
                raise Conflict("the address is in use here") from None
            return Taken(False)
        if given.diverted:
            await self._addresses.update(dataclasses.replace(made, diverted=True), actor)
        return Taken(True, notes)

    async def _diverted(self, there: Address, given: files.AddressFile, actor: Actor) -> Taken:
        """An account's own address that leads to others, or that others may write as."""
        if (there.targets, there.senders) == (given.targets, given.senders):
            return Taken(False)
        if there.targets or there.senders:
            raise Conflict("the address is in use here")
        changed = dataclasses.replace(
            there,
            targets=given.targets,
            senders=given.senders,
            diverted=bool(given.targets),
        )
        await self._addresses.update(changed, actor)
        return Taken(True)

    async def catch_all(self, given: files.DomainFile, actor: Actor) -> Taken:
        """The address that takes what nobody else does: last, when all others are there. Raises
        NotFound, Invalid."""
        domain = await self._domains.get(given.name)
        if not given.catch_all or domain.catch_all == given.catch_all:
            return Taken(False)
        if domain.catch_all:
            return Taken(False, (f"catch-all: {domain.catch_all} is that already",))
        changed = dataclasses.replace(domain, catch_all=given.catch_all)
        await self._domains.update(changed, actor)
        return Taken(True)


async def _tried(notes: list[str], what: str, work: Awaitable[object]) -> bool:
    """Whether it worked; else `notes` says why it did not. What is there already stays."""
    try:
        await work
    except AlreadyExists:
        return False
    except (Invalid, MailhubError) as error:
        notes.append(f"{what}: {error.text}")
        return False
    return True


__all__ = ["Importing", "Taken"]
