"""Gives a domain another name, with all that stands in it: addresses, logins, aliases, keys.

In steps, so that nobody waits for a large domain; while they go on, the old name is an alias of
the new one and mail for both is taken. What breaks off in the middle goes on when it is asked for
again.
"""

from __future__ import annotations

from dataclasses import replace

from mailhub.core.ids import Ids
from mailhub.core.signing import Keys
from mailhub.model.address import Domain, Renamed
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, InUse, Invalid, NotFound
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

ROUNDS = 100
"""How often addresses may come into the old domain while the last of them leave it."""


class Renaming:
    """Renames domains."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, keys: Keys | None) -> None:
        self._domains = storage.domains
        self._clock = clock
        self._ids = ids
        self._keys = keys

    async def rename(self, old: str, new: str, actor: Actor) -> Renamed:
        """Everything of the domain `old` stands in `new` then, and `old` is not here any more.

        Raises NotFound (`old`), Invalid (field `old`, `new`), AlreadyExists (field `address`: an
        address or a login that both domains have, before anything is changed), InUse (addresses
        go on coming into `old`).
        """
        before = await self._known(_name(old, "old"))
        name = _name(new, "new")
        await self._check(before, name)
        target = replace(
            before, id=self._ids.new(), name=name, alias_of="", created=int(self._clock.now())
        )
        begun = await self._domains.begin_renaming(before.name, target, actor)
        users = await self._usernames(before.name, name, actor)
        after = 0
        while after := await self._domains.move_targets(before.name, name, after, actor):
            continue
        addresses = await self._addresses(before.name, name, actor)
        if self._keys is not None:
            self._keys.reload(before.name)
            self._keys.reload(name)
        return replace(begun, addresses=addresses, users=users)

    async def _known(self, name: str) -> Domain:
        found = await self._domains.get(name)
        if found is None:
            raise NotFound("No such domain")
        return found

    async def _check(self, before: Domain, name: str) -> None:
        if name == before.name:
            raise Invalid("This is its name already", field="new")
        target = await self._domains.get(name)
        for domain in (before, target):
            if domain is not None and domain.relay:
                raise Invalid("No address stands in a relay domain", field="old")
        if before.alias_of and before.alias_of != name:
            raise Invalid("The domain is an alias of another one", field="old")
        if target is not None and target.ignore_dots != before.ignore_dots:
            raise Invalid("Dots count in one of the domains alone", field="new")
        if target is not None and target.alias_of not in ("", before.name):
            raise Invalid("The domain is an alias of another one", field="new")
        if taken := await self._domains.clash(before.name, name):
            raise AlreadyExists(f"{taken} exists already", field="address")

    async def _usernames(self, old: str, new: str, actor: Actor) -> int:
        moved = after = 0
        while True:
            count, after = await self._domains.move_usernames(old, new, after, actor)
            moved += count
            if not after:
                return moved

    async def _addresses(self, old: str, new: str, actor: Actor) -> int:
        moved = 0
        for _ in range(ROUNDS):
            while count := await self._domains.move_addresses(old, new, actor):
                moved += count
            if await self._domains.finish_renaming(old, actor):
                return moved
        raise InUse("Addresses go on coming into the old domain")


def _name(name: str, field: str) -> str:
    try:
        canonical = grammar.domain(name)
    except Invalid as error:
        raise Invalid(error.text, field=field) from None
    if canonical.startswith("["):
        raise Invalid("An address literal is no domain", field=field)
    return canonical
