"""WildDuck's calls on domains that stand for others, and on a domain's name: decode, one core
call, encode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from mailhub.core.domains import Domains
from mailhub.core.rights import Resource, administers, creates, deletes, reads
from mailhub.core.telling import moment
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes
from mailhub.http.wildduck.message_answers import Listing
from mailhub.http.wildduck.shapes import (
    FieldErrors,
    HexId,
    Page,
    Parameters,
    Result,
    Shown,
    Trimmed,
)
from mailhub.http.wildduck.user_answers import Made
from mailhub.model.address import Domain
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from mailhub.wire.address import searched

Name = Annotated[Trimmed, Field(min_length=1, max_length=255)]
FIELDS = {"name": "alias", "alias_of": "domain", "old": "oldDomain", "new": "newDomain"}
"""What core's fields are called here."""


class NewName(Parameters):
    """PUT /addresses/renameDomain."""

    old_domain: Name
    new_domain: Name


class Moved(Result):
    """Its answer: how many rows stand under the new name."""

    modified_addresses: int
    modified_users: int
    modified_dkim: int
    modified_aliases: int


class AliasList(Page):
    """GET /domainaliases. `query`: part of an alias or of a domain."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""


class NewAlias(Parameters):
    """POST /domainaliases."""

    alias: Name
    domain: Name


class AliasCall(Parameters):
    """A call on one alias, by its id."""

    alias: HexId


class AliasName(Parameters):
    """GET /domainaliases/resolve/{alias}, by its name."""

    alias: Name


class AliasRow(Shown):
    """A domain whose addresses are those of another."""

    id: str
    alias: str
    domain: str


class AliasShown(AliasRow, Result):
    """GET /domainaliases/{alias}."""

    created: str


class Aliases(Listing):
    """GET /domainaliases."""

    query: str
    results: list[AliasRow]


class DomainNames:
    """The calls."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    @route(
        "PUT",
        "/addresses/renameDomain",
        about=About(takes=NewName, answers={200: Moved}),
        right=administers(Resource.DOMAINS),
    )
    async def rename(self, call: Call) -> Answer:
        """Gives a domain another name, with its addresses, users, keys and aliases. Mail for both
        names is taken until it is done."""
        wanted = shapes.read(NewName, call)
        actor = shapes.actor(call, wanted)
        with _named("DomainNotFound"):
            done = await self._domains.renaming.rename(wanted.old_domain, wanted.new_domain, actor)
        return replies.shown(
            Moved(
                modified_addresses=done.addresses,
                modified_users=done.users,
                modified_dkim=done.keys,
                modified_aliases=done.aliases,
            )
        )

    @route(
        "GET",
        "/domainaliases",
        about=About(takes=AliasList, answers={200: Aliases}),
        right=reads(Resource.DOMAINS),
    )
    async def page(self, call: Call) -> Answer:
        """Every alias, in the order they were made."""
        wanted = shapes.read(AliasList, call)
        where, part = paging.span(wanted), searched(wanted.query).lower()
        found = [one for one in await self._aliases() if part in one.name or part in one.alias_of]
        rows = [one for one in found if one.number > where.after]
        if where.before:
            rows = [one for one in found if one.number < where.before][-wanted.limit - 1 :]
        rows = rows if where.before else rows[: wanted.limit + 1]
        shown, frame = paging.listed(wanted, where, rows, len(found))
        results = [AliasRow(id=one.id, alias=one.name, domain=one.alias_of) for one in shown]
        return replies.shown(
            Aliases.model_validate({**frame, "query": wanted.query, "results": results})
        )

    @route(
        "POST",
        "/domainaliases",
        about=About(takes=NewAlias, answers={200: Made}),
        right=creates(Resource.DOMAINS),
    )
    async def create(self, call: Call) -> Answer:
        """A domain whose addresses are those of another one that is here."""
        wanted = shapes.read(NewAlias, call)
        with _named("AliasNotFound"):
            made = await self._domains.add(
                wanted.alias, shapes.actor(call, wanted), alias_of=wanted.domain
            )
        return replies.shown(Made(id=made.id))

    @route(
        "GET",
        "/domainaliases/resolve/<alias>",
        about=About(takes=AliasName, answers={200: Made}),
        right=reads(Resource.DOMAINS),
    )
    async def resolve(self, call: Call) -> Answer:
        """The id of an alias."""
        wanted = shapes.read(AliasName, call)
        with _named("AliasNotFound"):
            found = await self._domains.get(wanted.alias)
        if not found.alias_of:
            raise _not_found("AliasNotFound")
        return replies.shown(Made(id=found.id))

    @route(
        "GET",
        "/domainaliases/<alias>",
        about=About(takes=AliasCall, answers={200: AliasShown}),
        right=reads(Resource.DOMAINS),
    )
    async def show(self, call: Call) -> Answer:
        """One alias."""
        one = await self._one(shapes.read(AliasCall, call).alias)
        return replies.shown(
            AliasShown(id=one.id, alias=one.name, domain=one.alias_of, created=moment(one.created))
        )

    @route(
        "DELETE",
        "/domainaliases/<alias>",
        about=About(takes=AliasCall, answers={200: Result}),
        right=deletes(Resource.DOMAINS),
    )
    async def remove(self, call: Call) -> Answer:
        """Takes no more mail for it."""
        wanted = shapes.read(AliasCall, call)
        one = await self._one(wanted.alias)
        with _named("AliasNotFound"):
            await self._domains.remove(one.name, shapes.actor(call, wanted))
        return replies.shown(Result())

    async def _aliases(self) -> list[Domain]:
        rows = [one for one in await self._domains.all() if one.alias_of]
        return sorted(rows, key=lambda one: one.number)

    async def _one(self, id: str) -> Domain:
        for one in await self._aliases():
            if one.id == id:
                return one
        raise _not_found("AliasNotFound")


@contextmanager
def _named(missing: str) -> Iterator[None]:
    """Core's kinds in WildDuck's words. `missing`: the code of a domain that is not here."""
    try:
        yield
    except NotFound:
        raise _not_found(missing) from None
    except AlreadyExists as error:
        if error.field == "domain":
            raise replies.Refusal(400, "AliasExists", "This domain exists already") from None
        raise
    except Invalid as error:
        name = FIELDS.get(error.field, error.field)
        raise FieldErrors({name: f'"{name}": {error.text}'}) from None


def _not_found(code: str) -> replies.Refusal:
    return replies.Refusal(404, code, "This domain does not exist")
