"""WildDuck's address calls: decode, one core call, encode."""

from __future__ import annotations

import dataclasses

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import address_shapes, paging, replies, shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account
from mailhub.model.address import Address
from mailhub.model.errors import Invalid, NotFound


class Addresses:
    """The calls on addresses, of one user and of all."""

    def __init__(
        self, accounts: Accounts, subjects: Subjects, addresses: CoreAddresses, domains: Domains
    ) -> None:
        self._accounts = accounts
        self._subjects = subjects
        self._addresses = addresses
        self._domains = domains

    @route("GET", "/addresses", right=reads(Resource.ADDRESSES))
    async def page(self, call: Call) -> Answer:
        """Every address of the server."""
        wanted = shapes.read(address_shapes.AddressList, call)
        where = paging.span(wanted)
        rows, total = await self._addresses.page(
            after=where.after, before=where.before, limit=wanted.limit + 1, query=wanted.query
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        owners = {row.account: await self._owner(row) for row in rows}
        results = [address_shapes.listed(row, owners[row.account]) for row in rows]
        return replies.success(query=wanted.query, **frame, results=results)

    @route("GET", "/users/<user>/addresses", right=reads(Resource.ADDRESSES))
    async def of_user(self, call: Call) -> Answer:
        """A user's addresses."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        rows = await self._addresses.of_account(account.number)
        return replies.success(results=[address_shapes.shown(row) for row in rows])

    @route("GET", "/users/<user>/addresses/<address>", right=reads(Resource.ADDRESSES))
    async def show(self, call: Call) -> Answer:
        """One of them."""
        wanted = shapes.read(address_shapes.AddressCall, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        return replies.success(**address_shapes.shown(row))

    @route("POST", "/users/<user>/addresses", right=creates(Resource.ADDRESSES))
    async def create(self, call: Call) -> Answer:
        """A new address; a domain that is new to the server is made with it."""
        actor = call.actor
        wanted = shapes.read(address_shapes.NewAddress, call)
        account = await self._subjects.of(wanted.user)
        if "*" in wanted.address and not wanted.allow_wildcard:
            raise Invalid("A wildcard needs allowWildcard", field="address")
        made = await at_home(
            self._domains,
            wanted.address,
            actor,
            lambda: self._addresses.create(
                wanted.address, actor, account=account.number, name=wanted.name, main=wanted.main
            ),
        )
        return replies.success(id=made.id)

    @route("PUT", "/users/<user>/addresses/<address>", right=updates(Resource.ADDRESSES))
    async def update(self, call: Call) -> Answer:
        """Makes it the main address, or names it."""
        actor = call.actor
        wanted = shapes.read(address_shapes.OldAddress, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        if not wanted.main and wanted.name is None:
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        name = row.name if wanted.name is None else wanted.name
        changed = dataclasses.replace(row, main=row.main or wanted.main, name=name)
        await self._addresses.update(changed, actor)
        return replies.success()

    @route("DELETE", "/users/<user>/addresses/<address>", right=deletes(Resource.ADDRESSES))
    async def remove(self, call: Call) -> Answer:
        """Frees the address; the main one stays."""
        actor = call.actor
        wanted = shapes.read(address_shapes.AddressCall, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        if row.main:
            text = "Trying to delete main address. Set a new main address first"
            raise replies.Refusal(400, "NotPermitted", text)
        await self._addresses.remove(row, actor)
        return replies.success()

    async def _of(self, account: Account, id: str) -> Address:
        """The address with this id, if it is the account's own."""
        try:
            row = await self._addresses.by_id(id)
        except NotFound:
            raise replies.address_not_found() from None
        if row.account != account.number:
            raise replies.address_not_found()
        return row

    async def _owner(self, row: Address) -> str:
        if row.account is None:
            return ""
        return (await self._accounts.get(row.account)).id
