"""WildDuck's calls on the addresses of users: decode, one core call, encode."""

from __future__ import annotations

import dataclasses

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.correspondents import Correspondents
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import address_shapes, paging, replies, shapes, user_answers
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account
from mailhub.model.address import Address
from mailhub.model.errors import Invalid, NotFound
from mailhub.wire.address import searched


class Addresses:
    """The calls on addresses, of one user and of all."""

    def __init__(
        self,
        accounts: Accounts,
        subjects: Subjects,
        addresses: CoreAddresses,
        domains: Domains,
        correspondents: Correspondents,
    ) -> None:
        self._accounts = accounts
        self._subjects = subjects
        self._addresses = addresses
        self._domains = domains
        self._correspondents = correspondents

    @route(
        "GET",
        "/addresses",
        about=About(takes=address_shapes.AddressList, answers={200: address_shapes.Rows}),
        right=reads(Resource.ADDRESSES),
    )
    async def page(self, call: Call) -> Answer:
        """Every address of the server."""
        wanted = shapes.read(address_shapes.AddressList, call)
        where = paging.span(wanted)
        rows, total = await self._addresses.page(
            after=where.after,
            before=where.before,
            limit=wanted.limit + 1,
            query=searched(wanted.query),
            tags=wanted.tags,
            required_tags=wanted.required_tags,
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        owners = {row.account: await self._owner(row) for row in rows}
        results = [address_shapes.row(row, owners[row.account]) for row in rows]
        return replies.shown(address_shapes.Rows.of(wanted.query, frame, results))

    @route(
        "GET",
        "/addresses/resolve/<address>",
        about=About(takes=address_shapes.AddressLook, answers={200: address_shapes.Resolved}),
        right=reads(Resource.ADDRESSES),
    )
    async def resolve(self, call: Call) -> Answer:
        """Whose an address is, named by its id or as mail is sent to it."""
        wanted = shapes.read(address_shapes.AddressLook, call)
        row = await self._addresses.named(wanted.address, wildcards=wanted.allow_wildcard)
        if row is None:
            raise replies.address_not_found()
        return replies.shown(address_shapes.resolved(row, await self._owner(row)))

    @route(
        "GET",
        "/users/<user>/addresses",
        about=About(takes=shapes.UserCall, answers={200: address_shapes.Of}),
        right=reads(Resource.ADDRESSES),
    )
    async def of_user(self, call: Call) -> Answer:
        """A user's addresses."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        rows = await self._addresses.of_account(account.number)
        shown = [address_shapes.Facts(**address_shapes.facts(row)) for row in rows]
        return replies.shown(address_shapes.Of(results=shown))

    @route(
        "GET",
        "/users/<user>/addressregister",
        about=About(takes=address_shapes.RegisterLook, answers={200: address_shapes.Register}),
        right=reads(Resource.MESSAGES),
    )
    async def register(self, call: Call) -> Answer:
        """Whom a user wrote to lately, by the beginning of an address or a name."""
        wanted = shapes.read(address_shapes.RegisterLook, call)
        account = await self._subjects.of(wanted.user)
        found = await self._correspondents.find(account, wanted.query, wanted.limit)
        rows = [address_shapes.written_to(account, one) for one in found]
        return replies.shown(address_shapes.Register(results=rows))

    @route(
        "GET",
        "/users/<user>/addresses/<address>",
        about=About(takes=address_shapes.AddressCall, answers={200: address_shapes.One}),
        right=reads(Resource.ADDRESSES),
    )
    async def show(self, call: Call) -> Answer:
        """One of them."""
        wanted = shapes.read(address_shapes.AddressCall, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        return replies.shown(address_shapes.One(**address_shapes.facts(row)))

    @route(
        "POST",
        "/users/<user>/addresses",
        about=About(takes=address_shapes.NewAddress, answers={200: user_answers.Made}),
        right=creates(Resource.ADDRESSES),
    )
    async def create(self, call: Call) -> Answer:
        """A new address; a domain that is new to the server is made with it."""
        wanted = shapes.read(address_shapes.NewAddress, call)
        actor = shapes.actor(call, wanted)
        account = await self._subjects.of(wanted.user)
        check_wildcard(wanted.address, wanted.allow_wildcard)
        made = await at_home(
            self._domains,
            wanted.address,
            actor,
            lambda: self._addresses.create(
                wanted.address,
                actor,
                account=account.number,
                name=wanted.name,
                main=wanted.main,
                tags=wanted.unique_tags(),
            ),
            ignore_dots=True,
        )
        return replies.shown(user_answers.Made(id=made.id))

    @route(
        "PUT",
        "/users/<user>/addresses/<address>",
        about=About(takes=address_shapes.OldAddress, answers={200: shapes.Result}),
        right=updates(Resource.ADDRESSES),
    )
    async def update(self, call: Call) -> Answer:
        """Makes it the main address, names it, tags it, or spells it anew."""
        wanted = shapes.read(address_shapes.OldAddress, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        spelling = new_spelling(call, row)
        if not wanted.changes() and not spelling:
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        changed = dataclasses.replace(
            row,
            main=row.main or wanted.main,
            name=row.name if wanted.name is None else wanted.name,
            tags=row.tags if wanted.tags is None else tuple(wanted.tags),
            address=spelling or row.address,
        )
        await self._addresses.update(changed, shapes.actor(call, wanted))
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        "/users/<user>/addresses/<address>",
        about=About(takes=address_shapes.AddressCall, answers={200: shapes.Result}),
        right=deletes(Resource.ADDRESSES),
    )
    async def remove(self, call: Call) -> Answer:
        """Frees the address; the main one stays."""
        wanted = shapes.read(address_shapes.AddressCall, call)
        row = await self._of(await self._subjects.of(wanted.user), wanted.address)
        if row.main:
            text = "Trying to delete main address. Set a new main address first"
            raise replies.Refusal(400, "NotPermitted", text)
        await self._addresses.remove(row, shapes.actor(call, wanted))
        return replies.shown(shapes.Result())

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


def check_wildcard(address: str, allowed: bool) -> None:
    """Raises Invalid (field `address`) for a `*` that was not asked for."""
    if "*" in address and not allowed:
        raise Invalid("A wildcard needs allowWildcard", field="address")


def new_spelling(call: Call, row: Address) -> str:
    """The address that the body wants in place of the row's; empty for none. A wildcard stays one,
    and nothing else becomes one. Raises Refusal, FieldErrors."""
    given = shapes.read_body(address_shapes.NewSpelling, call).address
    if not given or given == row.id:
        return ""
    if "*" in row.address:
        raise replies.Refusal(400, "ChangeNotAllowed", "A wildcard address cannot be changed")
    if "*" in given:
        raise replies.Refusal(
            400, "WildcardNotPermitted", "An address cannot be turned into a wildcard"
        )
    return given
