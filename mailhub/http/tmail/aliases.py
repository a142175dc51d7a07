"""The /aliases calls, which tmail has as a command alone: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.alias_shapes import Alias, AliasPath, NewAlias, shown
from mailhub.http.tmail.listing import listing
from mailhub.http.tmail.names import Names
from mailhub.model.address import Address
from mailhub.model.errors import AlreadyExists, Invalid, NotFound

WHAT = "alias"


class Aliases:
    """The calls."""

    def __init__(self, addresses: Addresses, accounts: Accounts, guard: BasicGuard) -> None:
        self._addresses = addresses
        self._accounts = accounts
        self._guard = guard

    @route("GET", "/aliases", About(query=shapes.Page, answers={200: list[Alias]}, errors=(400,)))
    async def all(self, call: Call) -> Answer:
        """Every alias, and every address of a user."""
        await self._guard.actor(call)
        names = Names(self._accounts)

        async def show(addresses: Sequence[Address]) -> Sequence[Alias]:
            return [shown(one, await names.of(one.account)) for one in addresses]

        return await listing(call, self._read, show)

    @route("GET", "/aliases/<alias>", About(path=AliasPath, answers={200: Alias}, errors=(404,)))
    async def get(self, call: Call) -> Answer:
        """One alias."""
        await self._guard.actor(call)
        address = await self._find(call)
        name = await Names(self._accounts).of(address.account)
        return replies.raw_json(shapes.dumped(shown(address, name)))

    @route(
        "POST",
        "/aliases/<alias>",
        About(path=AliasPath, body=NewAlias, answers={201: None}, errors=(400, 422)),
    )
    async def create(self, call: Call) -> Answer:
        """A new alias: to addresses, to a program, or both."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewAlias, call)
        try:
            await self._addresses.create(
                call.arguments["alias"],
                actor,
                targets=wanted.deliver_to,
                program=wanted.program,
                minilist=wanted.is_mini_list,
            )
        except (Invalid, AlreadyExists) as error:
            raise replies.declined("unable to create new alias", error) from None
        return replies.empty(201)

    @route(
        "PUT",
        "/aliases/<alias>",
        About(path=AliasPath, body=NewAlias, answers={204: None}, errors=(400, 404, 422)),
    )
    async def change(self, call: Call) -> Answer:
        """It leads there and nowhere else."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewAlias, call)
        address = await self._find(call)
        try:
            changed = replace(
                address,
                targets=wanted.deliver_to,
                program=wanted.program,
                minilist=wanted.is_mini_list,
            )
            await self._addresses.update(changed, actor)
        except Invalid as error:
            raise replies.declined("unable to change alias", error) from None
        return replies.empty(204)

    @route(
        "DELETE", "/aliases/<alias>", About(path=AliasPath, answers={200: None}, errors=(404, 422))
    )
    async def remove(self, call: Call) -> Answer:
        """The alias is no more. The main address of a user goes with the user alone."""
        actor = await self._guard.actor(call)
        try:
            await self._addresses.remove(await self._find(call), actor)
        except Invalid as error:
            raise replies.declined("unable to remove alias", error) from None
        return replies.empty()

    async def _find(self, call: Call) -> Address:
        written = call.arguments["alias"]
        try:
            return await self._addresses.get(written)
        except NotFound:
            raise replies.missing(WHAT, written) from None

    async def _read(self, after: int, limit: int) -> Sequence[Address]:
        return (await self._addresses.page(after=after, limit=limit))[0]
