"""WildDuck's calls on forwarded addresses, which belong to no user: decode, one core call,
encode."""

from __future__ import annotations

import dataclasses

from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.allowances import Allowances
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import address_shapes, replies, shapes, user_answers
from mailhub.http.wildduck.addresses import check_wildcard, new_spelling
from mailhub.http.wildduck.user_shapes import unique
from mailhub.model.address import Address
from mailhub.model.errors import NotFound


class Forwarded:
    """The calls."""

    def __init__(self, addresses: CoreAddresses, domains: Domains, allowances: Allowances) -> None:
        self._addresses = addresses
        self._domains = domains
        self._allowances = allowances

    @route(
        "POST",
        "/addresses/forwarded",
        about=About(takes=address_shapes.NewForwarded, answers={200: user_answers.Made}),
        right=creates(Resource.ADDRESSES),
    )
    async def create(self, call: Call) -> Answer:
        """A new address that leads to others; a domain that is new is made with it."""
        wanted = shapes.read(address_shapes.NewForwarded, call)
        actor = shapes.actor(call, wanted)
        check_wildcard(wanted.address, wanted.allow_wildcard)
        made = await at_home(
            self._domains,
            wanted.address,
            actor,
            lambda: self._addresses.create(
                wanted.address,
                actor,
                targets=wanted.targets,
                name=wanted.name,
                forwards=wanted.forwards,
                tags=unique(wanted.tags),
            ),
            ignore_dots=True,
        )
        return replies.shown(user_answers.Made(id=made.id))

    @route(
        "GET",
        "/addresses/forwarded/<address>",
        about=About(takes=address_shapes.ForwardedCall, answers={200: address_shapes.Forwarded}),
        right=reads(Resource.ADDRESSES),
    )
    async def show(self, call: Call) -> Answer:
        """One of them, with what it has passed on today."""
        row = await self._of(shapes.read(address_shapes.ForwardedCall, call).address)
        use = await self._allowances.used_by_alias(row.number, row.forwards)
        return replies.shown(address_shapes.forwarded(row, use))

    @route(
        "PUT",
        "/addresses/forwarded/<address>",
        about=About(takes=address_shapes.OldForwarded, answers={200: shapes.Result}),
        right=updates(Resource.ADDRESSES),
    )
    async def update(self, call: Call) -> Answer:
        """Changes what is given."""
        wanted = shapes.read(address_shapes.OldForwarded, call)
        row = await self._of(wanted.address)
        spelling = new_spelling(call, row)
        if not wanted.changes() and not spelling:
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        changed = dataclasses.replace(
            row,
            name=row.name if wanted.name is None else wanted.name,
            targets=row.targets if wanted.targets is None else tuple(wanted.targets),
            forwards=row.forwards if wanted.forwards is None else wanted.forwards,
            tags=row.tags if wanted.tags is None else unique(wanted.tags),
            address=spelling or row.address,
        )
        await self._addresses.update(changed, shapes.actor(call, wanted))
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        "/addresses/forwarded/<address>",
        about=About(takes=address_shapes.ForwardedCall, answers={200: shapes.Result}),
        right=deletes(Resource.ADDRESSES),
    )
    async def remove(self, call: Call) -> Answer:
        """Frees the address."""
        wanted = shapes.read(address_shapes.ForwardedCall, call)
        row = await self._of(wanted.address)
        await self._addresses.remove(row, shapes.actor(call, wanted))
        return replies.shown(shapes.Result())

    async def _of(self, id: str) -> Address:
        """The forwarded address with this id. Raises Refusal."""
        try:
            row = await self._addresses.by_id(id)
        except NotFound:
            raise replies.address_not_found() from None
        if row.account is not None or not row.targets:
            raise replies.address_not_found()
        return row
