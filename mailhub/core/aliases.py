"""Aliases as one who runs mail domains thinks of them: an address leads to others, and some may
write as it; whatever row of the store says so.

An alias may stand on a user's own address, whose place it then takes; on a whole domain (`@d`), as
its catch-all, or as another name of a second domain (`@d` to `@e`). Rows and their rules are
`core.addresses`' and `core.domains'`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub.core import required
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.core.leaving import Leaving
from mailhub.model.address import Address, Domain
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Invalid, NotFound

PAGE = 500


@dataclass(frozen=True, slots=True)
class Alias:
    """`address`: `name@domain`, or `@domain`. `targets`: addresses, or one `@domain`. `senders`:
    who may write as it; empty: those that it leads to. `automatic`: nobody made it."""

    address: str
    targets: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    automatic: bool = False

    @property
    def domain(self) -> str:
        """What stands behind its `@`."""
        return self.address.rpartition("@")[2]


class Aliases:
    """Every alias. `hostname`: this server's."""

    def __init__(
        self, addresses: Addresses, domains: Domains, leaving: Leaving, hostname: str
    ) -> None:
        self._addresses = addresses
        self._domains = domains
        self._leaving = leaving
        self._hostname = hostname.lower()

    async def all(self) -> Sequence[Alias]:
        """Those that somebody made, by address; then those that are computed."""
        rows = [row async for row in self._rows()]
        mains = {row.account: row.address for row in rows if row.main}
        found: dict[str, Alias] = {}
        for row in rows:
            shown = _of_row(row, mains)
            if shown is not None:
                found[shown.address] = shown
        local = [domain for domain in await self._domains.all() if not domain.relay]
        for domain in local:
            if domain.alias_of:
                found[f"@{domain.name}"] = Alias(f"@{domain.name}", (f"@{domain.alias_of}",))
            elif domain.catch_all:
                found.setdefault(f"@{domain.name}", Alias(f"@{domain.name}", (domain.catch_all,)))
        taken = {row.key for row in rows}
        made = [found[address] for address in sorted(found)]
        return [*made, *self._computed(local, taken)]

    def _computed(self, domains: Iterable[Domain], taken: set[str]) -> list[Alias]:
        """What every domain has to have, where somebody answers for that."""
        target = required.administrator(self._hostname)
        if target not in taken:
            return []
        return [
            Alias(address, (target,), automatic=True)
            for domain in domains
            if not domain.alias_of
            for address in required.of_domain(domain.name, self._hostname)
            if address not in taken
        ]

    async def domains(self) -> Sequence[str]:
        """Local domains in which a user or an alias stands, by name."""
        found = []
        for domain in await self._domains.all():
            if domain.relay:
                continue
            _, count = await self._addresses.page(limit=1, domain=domain.name)
            if count or domain.alias_of or domain.catch_all:
                found.append(domain.name)
        return sorted(found)

    async def get(self, address: str) -> Alias:
        """The alias that somebody made on exactly this address. Raises NotFound."""
        if address.startswith("@"):
            found = await self._of_domain(address[1:])
        else:
            row = await self._addresses.get(address)
            found = _of_row(row, {row.account: await self._main(row)})
        if found is None:
            raise NotFound("No such alias")
        return found

    async def put(self, alias: Alias, actor: Actor, *, update: bool) -> bool:
        """Makes the alias, or with `update` changes it where it is there: whether it was new.

        Its domain becomes local. Raises AlreadyExists, Invalid (with `field`), Unavailable.
        """
        try:
            await self.get(alias.address)
        except NotFound:
            new = True
        else:
            new = False
            if not update:
                raise AlreadyExists("The alias exists already", "address")
        if alias.address.startswith("@"):
            await at_home(
                self._domains, f"x{alias.address}", actor, lambda: self._put_domain(alias, actor)
            )
        else:
            await at_home(
                self._domains, alias.address, actor, lambda: self._put_address(alias, actor)
            )
        return new

    async def remove(self, address: str, actor: Actor) -> None:
        """The alias is no more; whom it stood on gets mail again. Its domain goes when nothing
        else stands in it. Raises NotFound."""
        await self.get(address)
        if address.startswith("@"):
            await self._clear_domain(address[1:], actor)
        else:
            row = await self._addresses.get(address)
            if row.main:
                plain = replace(row, targets=(), senders=(), diverted=False)
                await self._addresses.update(plain, actor)
            else:
                await self._addresses.remove(row, actor)
        await self._leaving.abandon(address.rpartition("@")[2], actor)

    # -- addresses

    async def _put_address(self, alias: Alias, actor: Actor) -> None:
        try:
            row = await self._addresses.get(alias.address)
        except NotFound:
            await self._addresses.create(
                alias.address, actor, targets=alias.targets, senders=alias.senders
            )
            return
        owner = row.account if row.main else None
        await self._addresses.update(
            replace(
                row,
                account=owner,
                targets=alias.targets,
                senders=alias.senders,
                diverted=owner is not None and bool(alias.targets),
            ),
            actor,
        )

    async def _main(self, row: Address) -> str:
        if row.account is None:
            return ""
        own = await self._addresses.of_account(row.account)
        return next((one.address for one in own if one.main), "")

    # -- whole domains

    async def _of_domain(self, name: str) -> Alias | None:
        address = f"@{name}"
        domain = await self._domains.get(name)
        if domain.alias_of:
            return Alias(address, (f"@{domain.alias_of}",))
        try:
            row = await self._addresses.get(f"*@{domain.name}")
        except NotFound:
            return Alias(address, (domain.catch_all,)) if domain.catch_all else None
        return Alias(address, row.targets, row.senders)

    async def _put_domain(self, alias: Alias, actor: Actor) -> None:
        if any(target.startswith("@") for target in alias.targets) and len(alias.targets) > 1:
            raise Invalid("A domain leads to one other domain, or to addresses", field="targets")
        domain = await self._domains.get(alias.domain)
        if alias.targets and alias.targets[0].startswith("@"):
            if alias.senders:
                raise Invalid(
                    "Who may write as another domain's addresses is said there", field="senders"
                )
            changed = replace(domain, alias_of=alias.targets[0][1:], catch_all="")
            await self._domains.update(changed, actor)
            await self._drop_wildcard(domain.name, actor)
            return
        name = f"*@{domain.name}"
        try:
            row = await self._addresses.get(name)
        except NotFound:
            await self._addresses.create(name, actor, targets=alias.targets, senders=alias.senders)
        else:
            changed_row = replace(row, account=None, targets=alias.targets, senders=alias.senders)
            await self._addresses.update(changed_row, actor)
        if domain.alias_of or domain.catch_all:
            await self._domains.update(replace(domain, alias_of="", catch_all=""), actor)

    async def _clear_domain(self, name: str, actor: Actor) -> None:
        domain = await self._domains.get(name)
        if domain.alias_of or domain.catch_all:
            await self._domains.update(replace(domain, alias_of="", catch_all=""), actor)
        await self._drop_wildcard(domain.name, actor)

    async def _drop_wildcard(self, name: str, actor: Actor) -> None:
        try:
            row = await self._addresses.get(f"*@{name}")
        except NotFound:
            return
        await self._addresses.remove(row, actor)

    async def _rows(self) -> AsyncIterator[Address]:
        after = 0
        while True:
            batch, _ = await self._addresses.page(after=after, limit=PAGE)
            for row in batch:
                yield row
            if len(batch) < PAGE:
                return
            after = batch[-1].number


def _of_row(row: Address, mains: Mapping[int | None, str]) -> Alias | None:
    """What a row is as an alias; None for a user's own address, and what takes a name in every
    domain."""
    local, _, domain = row.address.rpartition("@")
    if domain == "*":
        return None
    address = f"@{domain}" if local == "*" else row.address
    if row.account is None or row.diverted:
        return Alias(address, row.targets, row.senders)
    if row.main:
        return Alias(address, (), row.senders) if row.senders else None
    owner = mains.get(row.account, "")
    targets = dict.fromkeys((owner, *row.targets) if owner else row.targets)
    return Alias(address, tuple(targets), row.senders)
