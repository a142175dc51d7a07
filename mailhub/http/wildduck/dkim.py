"""WildDuck's calls on signing keys: decode, one core call, encode. Private keys never leave by
HTTP."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import Field

from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.core.signing import Keys, record, record_name
from mailhub.core.telling import moment
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes
from mailhub.http.wildduck.message_answers import Listing
from mailhub.http.wildduck.shapes import HexId, Page, Parameters, Result, Shown, Trimmed
from mailhub.http.wildduck.user_answers import Made
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import AlreadyExists, Invalid, NotFound

Name = Annotated[Trimmed, Field(min_length=1, max_length=255)]
State = Literal["pending", "active", "retiring", "retired", "paused"]
FIELDS = {"private": "privateKey", "selector": "selector"}
"""What core's fields are called here."""


class KeyList(Page):
    """GET /dkim. `query`: part of a domain's name."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""


class NewKey(Parameters):
    """POST /dkim. `private_key`: PEM; without one keys are made. `description` is not kept."""

    domain: Name
    selector: Annotated[Trimmed, Field(min_length=1, max_length=63)]
    private_key: Annotated[Trimmed, Field(max_length=16384)] = ""
    description: Annotated[Trimmed, Field(max_length=255)] = ""


class KeyCall(Parameters):
    """A call on one key, by its id."""

    dkim: HexId


class KeyOf(Parameters):
    """GET /dkim/resolve/{domain}."""

    domain: Name


class KeyRow(Shown):
    """One key. `state`: only an active one signs; a pending one becomes active when the DNS has its
    record."""

    id: str
    domain: str
    selector: str
    description: str
    fingerprint: str
    state: State
    created: str


class Record(Shown):
    """What has to stand in the DNS."""

    name: str
    value: str


class KeyShown(KeyRow, Result):
    """GET /dkim/{dkim}."""

    public_key: str
    dns_txt: Record


class KeyRows(Listing):
    """GET /dkim."""

    query: str
    results: list[KeyRow]


class Numbered:
    """A key in a list of all, which goes by when keys were made."""

    def __init__(self, number: int, key: DkimKey) -> None:
        self.number = number
        self.key = key


class DkimKeys:
    """The calls."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @route(
        "GET",
        "/dkim",
        about=About(takes=KeyList, answers={200: KeyRows}),
        right=reads(Resource.DOMAINS),
    )
    async def page(self, call: Call) -> Answer:
        """The keys of all domains, oldest first."""
        wanted = shapes.read(KeyList, call)
        where, part = paging.span(wanted), wanted.query.lower()
        keys = [one for one in await self._keys.all() if part in one.domain]
        found = sorted((Numbered(_number(one), one) for one in keys), key=lambda one: one.number)
        rows = [one for one in found if one.number > where.after][: wanted.limit + 1]
        if where.before:
            rows = [one for one in found if one.number < where.before][-wanted.limit - 1 :]
        shown, frame = paging.listed(wanted, where, rows, len(found))
        results = [KeyRow.model_validate(_row(one.key)) for one in shown]
        return replies.shown(
            KeyRows.model_validate({**frame, "query": wanted.query, "results": results})
        )

    @route(
        "POST",
        "/dkim",
        about=About(takes=NewKey, answers={200: KeyShown}),
        right=creates(Resource.DOMAINS),
    )
    async def create(self, call: Call) -> Answer:
        """A key for a domain that is here, which signs once the DNS has its record."""
        wanted = shapes.read(NewKey, call)
        actor = shapes.actor(call, wanted)
        with _named():
            if wanted.private_key:
                made: Sequence[DkimKey] = [
                    await self._keys.add(wanted.domain, wanted.selector, wanted.private_key, actor)
                ]
            else:
                made = await self._keys.rotate(wanted.domain, actor, selector=wanted.selector)
        return replies.shown(_shown(made[0]))

    @route(
        "GET",
        "/dkim/resolve/<domain>",
        about=About(takes=KeyOf, answers={200: Made}),
        right=reads(Resource.DOMAINS),
    )
    async def resolve(self, call: Call) -> Answer:
        """The id of the key that signs a domain's mail, else of its newest."""
        wanted = shapes.read(KeyOf, call)
        try:
            found = await self._keys.all(wanted.domain)
        except NotFound:
            found = ()
        if not found:
            raise _missing()
        signs = [one for one in found if one.state is KeyState.ACTIVE]
        return replies.shown(Made(id=_id((signs or list(found))[0])))

    @route(
        "GET",
        "/dkim/<dkim>",
        about=About(takes=KeyCall, answers={200: KeyShown}),
        right=reads(Resource.DOMAINS),
    )
    async def show(self, call: Call) -> Answer:
        """One key, and its record."""
        return replies.shown(_shown(await self._one(shapes.read(KeyCall, call).dkim)))

    @route(
        "DELETE",
        "/dkim/<dkim>",
        about=About(takes=KeyCall, answers={200: Result}),
        right=deletes(Resource.DOMAINS),
    )
    async def remove(self, call: Call) -> Answer:
        """Forgets a key that does not sign."""
        wanted = shapes.read(KeyCall, call)
        one = await self._one(wanted.dkim)
        await self._keys.remove(one.domain, one.selector, shapes.actor(call, wanted))
        return replies.shown(Result())

    async def _one(self, id: str) -> DkimKey:
        for one in await self._keys.all():
            if _id(one) == id:
                return one
        raise _missing()


def _id(key: DkimKey) -> str:
    return hashlib.sha256(f"{key.domain} {key.selector}".encode()).hexdigest()[:24]


def _number(key: DkimKey) -> int:
    """Where a key stands in the list, whatever is added or removed."""
    return (key.created << 24) | int(_id(key)[:6], 16)


def _row(key: DkimKey) -> dict[str, object]:
    digest = hashlib.sha256(b64decode(key.public)).hexdigest()
    return {
        "id": _id(key),
        "domain": key.domain,
        "selector": key.selector,
        "description": "",
        "fingerprint": ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
        "state": key.state.value,
        "created": moment(key.created),
    }


def _shown(key: DkimKey) -> KeyShown:
    txt = Record(name=record_name(key), value=record(key))
    return KeyShown.model_validate({**_row(key), "public_key": key.public, "dns_txt": txt})


def _missing() -> replies.Refusal:
    return replies.Refusal(404, "DkimNotFound", "This key does not exist")


@contextmanager
def _named() -> Iterator[None]:
    """Core's kinds in WildDuck's words."""
    try:
        yield
    except NotFound:
        raise replies.Refusal(404, "DomainNotFound", "This domain does not exist") from None
    except AlreadyExists as error:
        raise replies.Refusal(400, "DkimExists", error.text) from None
    except Invalid as error:
        name = FIELDS.get(error.field, error.field)
        raise shapes.FieldErrors({name: f'"{name}": {error.text}'}) from None
