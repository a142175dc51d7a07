"""Local addresses and aliases: who owns them, and where a recipient leads, kept ready.

Resolving stands on the path of every RCPT, so answers are kept until the store tells of a change
of accounts, addresses or domains. The walk itself is in `core.recipients`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from mailhub.core import profile, recipients, wildcards
from mailhub.core.ids import Ids
from mailhub.core.remembering import remember
from mailhub.model.account import Principal, Role
from mailhub.model.address import Address, Domain, NewAddress, Resolution
from mailhub.model.change import AccountChanged, Actor, AddressesChanged, Change, Missed
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

PAGE = 500


class Addresses:
    """Local addresses. `hostname`: mail to it is for this server; `default_domain`: where
    `postmaster` without a domain and address literals lead (empty: the first domain);
    `literals`: this server's own IP addresses, in text."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        hostname: str = "",
        default_domain: str = "",
        literals: Collection[str] = (),
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._hostname = hostname.lower()
        self._default_domain = default_domain.lower()
        self._literals = frozenset(
            grammar.domain(f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]") for ip in literals
        )
        self._known: dict[str, Resolution] = {}
        self._owned: dict[tuple[int, str], bool] = {}
        self._domains: Mapping[str, Domain] | None = None
        self._relayed: frozenset[str] = frozenset()
        self._administrator: int | None = None
        self._generation = 0
        self._discover: recipients.Discover | None = None
        storage.watch(self._heard)

    # -- resolving

    async def resolve(self, address: str) -> Resolution:
        """Where mail for `address` goes. Only for addresses whose domain is local.

        Raises NotFound (nobody has it), Invalid (malformed), LimitReached (too many), Unavailable
        (whoever could know is away).
        """
        known = self._known.get(address)
        if known is not None:
            return known
        generation = self._generation
        domains = await self._all_domains()
        local, domain = self._split(address, domains)
        match = self._storage.addresses.match
        if self._discover is not None and domain in domains:
            await recipients.discover(self._discover, match, local, domain, domains)
            generation = self._generation
        walk = recipients.Walk(domains, match, self._find_administrator, self._hostname)
        found = await walk.of(local, domain) if domain in domains else None
        if found is None or not (found.accounts or found.elsewhere):
            raise NotFound("No such address here")
        if generation == self._generation:
            remember(self._known, address, found)
        return found

    def ask_also(self, discover: recipients.Discover) -> None:
        """Asks of addresses that are no row here too, before a catch-all takes them."""
        self._discover = discover

    async def is_local(self, domain: str) -> bool:
        """Whether mail for `domain` (A-label, or address literal) ends here."""
        return (
            domain in await self._all_domains()
            or domain == self._hostname
            or domain in self._literals
        )

    async def delimiter(self, address: str) -> str:
        """The characters that start a subaddress in an address's domain; none where the domain is
        not local."""
        domains = await self._all_domains()
        known = domains.get(address.rpartition("@")[2].lower())
        return known.delimiter if known is not None else ""

    async def is_relayed(self, address: str) -> bool:
        """Whether mail for `address` is taken from anybody and goes on to another server. Raises
        Invalid."""
        domain = grammar.split(address)[1]
        await self._all_domains()
        return domain in self._relayed

    async def is_local_address(self, address: str) -> bool:
        """Whether mail for `address` ends here, known or not. Raises Invalid."""
        if address in self._known or grammar.fold(address) == "postmaster":
            return True
        return await self.is_local(grammar.split(address)[1])

    async def owns(self, principal: Principal, address: str) -> bool:
        """Whether the principal may write as `address`.

        It may where the address, or the wildcard that takes it, is its own, or is an alias that
        names one of its own addresses as a target. Where an address names who may write as it,
        nobody else may. A catch-all gives no right.
        """
        known = self._owned.get((principal.account, address))
        if known is not None:
            return known
        generation = self._generation
        domains = await self._all_domains()
        try:
            local, domain = self._split(address, domains)
        except Invalid:
            return False
        row = await self._row(local, domain, domains)
        owned = row is not None and await self._given(row, principal.account, domains)
        if generation == self._generation:
            remember(self._owned, (principal.account, address), owned)
        return owned

    async def find(self, address: str) -> Address | None:
        """The address row that takes `address`: exact, without subaddress, or a wildcard."""
        domains = await self._all_domains()
        try:
            local, domain = self._split(address, domains)
        except Invalid:
            return None
        return await self._row(local, domain, domains)

    async def named(self, name: str, *, wildcards: bool = False) -> Address | None:
        """The row with this id or address; with `wildcards`, the one that takes the address."""
        if "@" not in name:
            return await self._storage.addresses.by_id(name.lower())
        if wildcards:
            return await self.find(name)
        try:
            return await self.get(name)
        except NotFound:
            return None

    # -- rows

    async def create(
        self,
        address: str,
        actor: Actor,
        *,
        account: int | None = None,
        targets: Sequence[str] = (),
        name: str = "",
        main: bool = False,
        program: Sequence[str] = (),
        minilist: bool = False,
        tags: Sequence[str] = (),
        forwards: int = 0,
        senders: Sequence[str] = (),
    ) -> Address:
        """A new address of an account, an alias, or both.

        Raises Invalid (field `address`, `targets`, `main`, `program`), NotFound (account),
        AlreadyExists.
        """
        order = await self.order(
            address,
            account=account,
            targets=targets,
            name=name,
            main=main,
            program=program,
            minilist=minilist,
            tags=tags,
            forwards=forwards,
            senders=senders,
        )
        if account is not None and await self._storage.accounts.get(account) is None:
            raise NotFound("No such account")
        if account is None and (main or not (targets or program or senders)):
            field = "main" if main else "targets"
            raise Invalid("An alias has targets, and is nobody's main address", field=field)
        made = await self._storage.addresses.add(order, actor)
        self._forget()
        return made

    async def order(
        self,
        address: str,
        *,
        account: int | None = None,
        targets: Sequence[str] = (),
        name: str = "",
        main: bool = False,
        program: Sequence[str] = (),
        minilist: bool = False,
        tags: Sequence[str] = (),
        forwards: int = 0,
        senders: Sequence[str] = (),
    ) -> NewAddress:
        """The checked order for an address; its domain has to be here. Raises Invalid."""
        text, key = await self._canonical(address)
        if main and "*" in key:
            raise Invalid("A wildcard cannot be a main address", field="main")
        return NewAddress(
            id=self._ids.new(),
            address=text,
            key=key,
            created=int(self._clock.now()),
            account=account,
            targets=profile.aims(targets),
            name=profile.line(name, "name", profile.NAME_LIMIT),
            main=main,
            program=profile.program(program),
            minilist=minilist,
            tags=profile.tags(tags),
            forwards=forwards,
            senders=profile.addresses(senders, "senders"),
        )

    async def get(self, address: str) -> Address:
        """The row of exactly this address (or wildcard). Raises NotFound."""
        try:
            _, key = await self._canonical(address)
        except Invalid:
            raise NotFound("No such address") from None
        found = await self._storage.addresses.get(key)
        if found is None:
            raise NotFound("No such address")
        return found

    async def by_id(self, id: str) -> Address:
        """Raises NotFound."""
        found = await self._storage.addresses.by_id(id)
        if found is None:
            raise NotFound("No such address")
        return found

    async def of_account(self, account: int) -> Sequence[Address]:
        """The account's own addresses."""
        return await self._storage.addresses.of_account(account)

    async def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        domain: str = "",
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
    ) -> tuple[Sequence[Address], int]:
        """See `ports.Addresses.page`."""
        return await self._storage.addresses.page(
            after=after,
            before=before,
            limit=limit,
            query=query,
            domain=domain,
            tags=tags,
            required_tags=required_tags,
        )

    async def update(self, address: Address, actor: Actor) -> Address:
        """Stores a changed row; all but its owner may change.

        Raises NotFound, Invalid (with `field`), AlreadyExists.
        """
        text, key = await self._canonical(address.address)
        if address.main and (address.account is None or "*" in key):
            raise Invalid("Only an account's own address can be its main one", field="main")
        changed = dataclasses.replace(
            address,
            address=text,
            key=key,
            name=profile.line(address.name, "name", profile.NAME_LIMIT),
            targets=profile.aims(address.targets),
            program=profile.program(address.program),
            tags=profile.tags(address.tags),
            senders=profile.addresses(address.senders, "senders"),
        )
        if not (changed.receives or changed.senders):
            raise Invalid("An alias needs a target", field="targets")
        if changed.diverted and (changed.account is None or not changed.targets):
            raise Invalid("Only an account's own address leads elsewhere", field="targets")
        stored = await self._storage.addresses.replace(changed, actor)
        self._forget()
        return stored

    async def remove(self, address: Address, actor: Actor) -> None:
        """Raises NotFound, Invalid (field `main`) for an account's main address."""
        if address.main and address.account is not None:
            raise Invalid("The main address of an account cannot be removed", field="main")
        await self._storage.addresses.remove(address.number, actor)
        self._forget()

    # -- parts

    async def _canonical(self, address: str) -> tuple[str, str]:
        """(canonical spelling, key) of an address of a local domain. Raises Invalid."""
        if address.endswith(f"@{wildcards.ANYWHERE}"):
            return wildcards.anywhere(address)
        local, domain = grammar.split(address)
        here = (await self._all_domains()).get(domain)
        if here is None:
            raise Invalid("The domain is not on this server", field="address")
        wildcards.check(local)
        text = grammar.join(local, domain)
        return text, grammar.key(text, delimiter="", ignore_dots=here.ignore_dots)

    def _split(self, address: str, domains: Mapping[str, Domain]) -> tuple[str, str]:
        """Local part and the local domain that answers. Raises Invalid."""
        if grammar.fold(address) == "postmaster":  # RFC 5321 4.5.1: also without a domain
            return address, self._home(domains)
        local, domain = grammar.split(address)
        if domain not in domains and (domain == self._hostname or domain in self._literals):
            domain = self._home(domains)
        return local, domain

    def _home(self, domains: Mapping[str, Domain]) -> str:
        if self._default_domain in domains:
            return self._default_domain
        return next(iter(domains), "")

    async def _row(self, local: str, domain: str, domains: Mapping[str, Domain]) -> Address | None:
        chain = recipients.domain_chain(domains, domain)
        return await recipients.find(self._storage.addresses.match, local, chain) if chain else None

    async def _given(self, row: Address, account: int, domains: Mapping[str, Domain]) -> bool:
        if row.account is not None and not (row.senders or row.diverted):
            return row.account == account
        for target in row.senders or row.targets:
            if "://" in target:
                continue
            local, domain = grammar.split(target)
            own = await self._row(local, domain, domains)
            if own is not None and own.account == account:
                return True
        return False

    async def _all_domains(self) -> Mapping[str, Domain]:
        """Those whose mail ends here."""
        if self._domains is None:
            generation = self._generation
            found = await self._storage.domains.all()
            in_order = sorted(found, key=lambda one: one.number)
            domains = {domain.name: domain for domain in in_order if not domain.relay}
            self._relayed = frozenset(domain.name for domain in found if domain.relay)
            if generation != self._generation:
                return domains
            self._domains = domains
        return self._domains

    async def _find_administrator(self) -> int | None:
        """The first administrator's number: who answers where no postmaster was named."""
        after = 0
        while self._administrator is None:
            batch, _ = await self._storage.accounts.page(after=after, limit=PAGE)
            for account in batch:
                if account.role is Role.ADMIN and not account.disabled:
                    self._administrator = account.number
                    return account.number
            if len(batch) < PAGE:
                return None
            after = batch[-1].number
        return self._administrator

    # -- what is kept

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            match change:
                case AccountChanged(what="secrets"):
                    continue
                case AddressesChanged() | AccountChanged() | Missed():
                    self._forget()
                    return

    def _forget(self) -> None:
        self._generation += 1
        self._known.clear()
        self._owned.clear()
        self._domains = None
        self._administrator = None
