"""The domains this server takes mail for, and their rules for reading a local part.

What stands in a domain belongs to `core.addresses`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mailhub.core.ids import Ids
from mailhub.core.renaming import Renaming
from mailhub.core.signing import Keys
from mailhub.model.address import Address, Domain
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, InUse, Invalid, NotFound
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

DELIMITERS = frozenset("+-_=.#!~")
"""Characters that may start a subaddress."""
ALIAS_HOPS = 10
"""Longest chain of domain aliases."""
PAGE = 500


class Domains:
    """Local domains: add, change, remove. `keys`: signs their mail; None: nobody does."""

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, *, keys: Keys | None = None
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._keys = keys
        self.renaming = Renaming(storage, clock, ids, keys)

    async def all(self) -> Sequence[Domain]:
        """Every domain."""
        return await self._storage.domains.all()

    async def get(self, name: str) -> Domain:
        """The domain called `name`, in any spelling. Raises NotFound."""
        try:
            found = await self._storage.domains.get(grammar.domain(name))
        except Invalid:
            found = None
        if found is None:
            raise NotFound("No such domain")
        return found

    async def add(
        self,
        name: str,
        actor: Actor,
        *,
        alias_of: str = "",
        delimiter: str = "+",
        ignore_dots: bool = False,
        catch_all: str = "",
        relay: bool = False,
    ) -> Domain:
        """A new domain: a local one, or one whose mail goes on (`relay`).

        Raises Invalid (with `field`), AlreadyExists.
        """
        domain = Domain(
            number=0,
            id=self._ids.new(),
            name=_name(name),
            alias_of=alias_of,
            delimiter=delimiter,
            ignore_dots=ignore_dots,
            catch_all=catch_all,
            created=int(self._clock.now()),
            relay=relay,
        )
        made = await self._storage.domains.add(await self._checked(domain), actor)
        if self._keys is not None and not made.relay:
            await self._keys.welcome(made.name, actor)
        return made

    async def ensure(self, name: str, actor: Actor) -> Domain:
        """The domain called `name`, made when it is not there. Raises Invalid (field `name`)."""
        found = await self._storage.domains.get(_name(name))
        return found if found is not None else await self.add(name, actor)

    async def update(self, domain: Domain, actor: Actor) -> Domain:
        """Stores a changed domain; its name cannot change.

        When dots begin or cease to count, the keys of its addresses change with it. Raises
        NotFound, Invalid (with `field`), AlreadyExists where two addresses would become one,
        InUse for a relay domain while addresses stand in it.
        """
        before = await self.get(domain.name)
        domain = await self._checked(dataclasses.replace(domain, number=before.number))
        if domain.relay and not before.relay:
            await self._check_empty(domain)
        moved = await self._rekeyed(domain) if domain.ignore_dots != before.ignore_dots else []
        stored = await self._storage.domains.replace(domain, actor)
        for address in moved:
            await self._storage.addresses.replace(address, actor)
        return stored

    async def take_catch_all(self, name: str, address: str, actor: Actor) -> None:
        """Makes `address` the catch-all of a domain that has none. Raises NotFound, Invalid (field
        `catch_all`), AlreadyExists."""
        domain = await self.get(name)
        if domain.catch_all and domain.catch_all != address:
            raise AlreadyExists("The domain has a catch-all already", field="catch_all")
        await self.update(dataclasses.replace(domain, catch_all=address), actor)

    async def drop_catch_all(self, name: str, address: str, actor: Actor) -> None:
        """Ends `address` as the catch-all of a domain, if it is that."""
        try:
            domain = await self.get(name)
        except NotFound:
            return
        if domain.catch_all == address:
            await self.update(dataclasses.replace(domain, catch_all=""), actor)

    async def remove(self, name: str, actor: Actor) -> None:
        """Raises NotFound, InUse while addresses stand in it."""
        name = (await self.get(name)).name
        await self._storage.domains.remove(name, actor)
        if self._keys is not None:
            await self._keys.forget(name, actor)

    async def _checked(self, domain: Domain) -> Domain:
        """`domain` with its references in canonical form. Raises Invalid."""
        if not set(domain.delimiter) <= DELIMITERS:
            raise Invalid("Not a character that starts a subaddress", field="delimiter")
        if domain.relay and (domain.alias_of or domain.catch_all):
            raise Invalid("No address stands in a relay domain", field="relay")
        alias_of = await self._target(domain) if domain.alias_of else ""
        catch_all = domain.catch_all
        if catch_all:
            try:
                catch_all = grammar.join(*grammar.split(catch_all))
            except Invalid as error:
                raise Invalid(error.text, field="catch_all") from None
        return dataclasses.replace(domain, alias_of=alias_of, catch_all=catch_all)

    async def _target(self, domain: Domain) -> str:
        """The canonical `alias_of`: a local domain, and no way leads back."""
        name = first = _name(domain.alias_of, "alias_of")
        for _ in range(ALIAS_HOPS):
            if name == domain.name:
                raise Invalid("The alias leads back to the domain itself", field="alias_of")
            target = await self._storage.domains.get(name)
            if target is None or target.relay:
                raise Invalid("The alias leads to a domain that is not here", field="alias_of")
            if not target.alias_of:
                return first
            name = target.alias_of
        raise Invalid("Too many aliases follow each other", field="alias_of")

    async def _check_empty(self, domain: Domain) -> None:
        _, total = await self._storage.addresses.page(limit=1, domain=domain.name)
        if total or any(one.alias_of == domain.name for one in await self.all()):
            raise InUse("Addresses or aliases of this domain exist")

    async def _rekeyed(self, domain: Domain) -> list[Address]:
        """The addresses of `domain` whose key changes, with their new one."""
        seen: set[str] = set()
        moved: list[Address] = []
        after = 0
        while True:
            batch, _ = await self._storage.addresses.page(
                after=after, limit=PAGE, domain=domain.name
            )
            for address in batch:
                key = grammar.key(address.address, delimiter="", ignore_dots=domain.ignore_dots)
                if key in seen:
                    raise AlreadyExists(f"Without dots {address.address} would exist twice")
                seen.add(key)
                if key != address.key:
                    moved.append(dataclasses.replace(address, key=key))
            if len(batch) < PAGE:
                return moved
            after = batch[-1].number


def _name(name: str, field: str = "name") -> str:
    try:
        canonical = grammar.domain(name)
    except Invalid as error:
        raise Invalid(error.text, field=field) from None
    if canonical.startswith("["):
        raise Invalid("An address literal is no domain", field=field)
    return canonical
