"""Addresses as WildDuck spells them: parameters of its calls, and what it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mailhub.core.allowances import Use
from mailhub.http.wildduck.shapes import (
    Boolean,
    HexId,
    Number,
    Page,
    Parameters,
    Result,
    Shown,
    Tags,
    TagWords,
    Trimmed,
    UserCall,
)
from mailhub.http.wildduck.user_answers import Counted, Cursor, counted, moment
from mailhub.http.wildduck.user_shapes import unique
from mailhub.model.account import Account
from mailhub.model.address import Address
from mailhub.wire import address as grammar
from mailhub.wire.envelope import EnvelopeAddress


def _true(value: object) -> object:
    """An address stops being the main one only when another becomes it."""
    if value not in (True, "true", "yes", "y", "on", "1", 1):
        raise PydanticCustomError("true", "must be true")
    return True


def _plain(value: str) -> str:
    if "+" in value.rpartition("@")[0]:
        raise PydanticCustomError("label", "must not contain the + sign")
    return value


def _list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Spelling = Annotated[Trimmed, Field(min_length=3, max_length=254), AfterValidator(_plain)]
Name = Annotated[Trimmed, Field(max_length=128)]
Targets = Annotated[
    list[Annotated[Trimmed, Field(min_length=3, max_length=254)]],
    BeforeValidator(_list),
    Field(min_length=1, max_length=1000),
]


class AddressCall(UserCall):
    """A call on one address of a user."""

    address: HexId


class NewAddress(UserCall):
    """POST /users/{user}/addresses."""

    address: Spelling
    main: Boolean = False
    name: Name = ""
    tags: Tags = Field(default=[])
    allow_wildcard: Boolean = False

    def unique_tags(self) -> tuple[str, ...]:
        """The tags, one of each whatever its case."""
        return unique(self.tags)


class OldAddress(AddressCall):
    """PUT /users/{user}/addresses/{address}: only what is given changes. A new spelling is the
    body's `address` (see `NewSpelling`), as the path's is the id."""

    main: Annotated[bool, BeforeValidator(_true)] = False
    name: Name | None = None
    tags: Tags | None = None

    def changes(self) -> bool:
        """Whether anything is given that can change."""
        return self.main or self.name is not None or self.tags is not None


class NewSpelling(Parameters):
    """The body of a call whose path names an address by its id."""

    model_config = ConfigDict(extra="ignore")

    address: Spelling = ""


class AddressList(Page):
    """GET /addresses."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""
    tags: TagWords = Field(default=[], max_length=100)
    required_tags: TagWords = Field(default=[], max_length=100)


class AddressLook(Parameters):
    """GET /addresses/resolve/{address}: an id or an address."""

    address: Annotated[Trimmed, Field(min_length=3, max_length=254)]
    allow_wildcard: Boolean = False


class ForwardedCall(Parameters):
    """A call on one forwarded address."""

    address: HexId


class NewForwarded(Parameters):
    """POST /addresses/forwarded."""

    address: Spelling
    name: Name = ""
    targets: Targets
    forwards: Number = 0
    allow_wildcard: Boolean = False
    tags: Tags = Field(default=[])


class OldForwarded(ForwardedCall):
    """PUT /addresses/forwarded/{address}: only what is given changes; as `OldAddress`."""

    name: Name | None = None
    targets: Targets | None = None
    forwards: Number | None = None
    tags: Tags | None = None

    def changes(self) -> bool:
        """Whether anything is given that can change."""
        given = (self.name, self.targets, self.forwards, self.tags)
        return any(value is not None for value in given)


Absent = Annotated[str | None, Field(exclude_if=lambda value: value is None)]


class Row(Shown):
    """A row of GET /addresses; an alias without a user says `forwarded`."""

    id: str
    name: str | Literal[False]
    address: str
    user: Absent = None
    forwarded: bool
    targets: Annotated[list[str] | None, Field(exclude_if=lambda value: value is None)] = None
    tags: list[str]


class Rows(Result):
    """GET /addresses."""

    query: str
    total: int
    page: int
    previous_cursor: Cursor
    next_cursor: Cursor
    results: list[Row]

    @classmethod
    def of(cls, query: str, frame: Mapping[str, object], rows: list[Row]) -> Rows:
        """The list in its `frame` (see `paging.listed`)."""
        return cls.model_validate({"query": query, **frame, "results": rows})


class Facts(Shown):
    """One address of a user."""

    id: str
    name: str | Literal[False]
    address: str
    main: bool
    created: str
    tags: list[str]


class One(Facts, Result):
    """GET /users/{user}/addresses/{address}."""


class Of(Result):
    """GET /users/{user}/addresses."""

    results: list[Facts]


class ForwardLimits(Shown):
    """What is limited of a forwarded address."""

    forwards: Counted


class Forwarded(Result):
    """GET /addresses/forwarded/{address}."""

    id: str
    name: str | Literal[False]
    address: str
    targets: list[str]
    limits: ForwardLimits
    created: str
    tags: list[str]


class Resolved(Result):
    """GET /addresses/resolve/{address}: whose it is."""

    id: str
    address: str
    user: Absent = None
    targets: Annotated[list[str] | None, Field(exclude_if=lambda value: value is None)] = None
    created: str
    tags: list[str]


def row(address: Address, user: str) -> Row:
    """A row of GET /addresses. `user`: the owner's id, or empty."""
    return Row(
        id=address.id,
        name=address.name or False,
        address=grammar.readable(address.address),
        user=user or None,
        forwarded=bool(address.targets),
        targets=list(address.targets) or None,
        tags=list(address.tags),
    )


def facts(address: Address) -> dict[str, Any]:
    """One address of a user, as its model takes it."""
    return {
        "id": address.id,
        "name": address.name or False,
        "address": grammar.readable(address.address),
        "main": address.main,
        "created": moment(address.created),
        "tags": list(address.tags),
    }


def forwarded(address: Address, use: Use) -> Forwarded:
    """One forwarded address."""
    return Forwarded(
        id=address.id,
        name=address.name or False,
        address=grammar.readable(address.address),
        targets=list(address.targets),
        limits=ForwardLimits(forwards=counted(use)),
        created=moment(address.created),
        tags=list(address.tags),
    )


def resolved(address: Address, user: str) -> Resolved:
    """Whose an address is. `user`: the owner's id, or empty."""
    return Resolved(
        id=address.id,
        address=grammar.readable(address.address),
        user=user or None,
        targets=list(address.targets) or None,
        created=moment(address.created),
        tags=list(address.tags),
    )


# -- whom somebody wrote to


class RegisterLook(UserCall):
    """GET /users/{user}/addressregister. `query`: how an address or a name begins."""

    query: Annotated[Trimmed, Field(min_length=1, max_length=255)]
    limit: Annotated[Number, Field(ge=1, le=250)] = 20


class Correspondent(Shown):
    """Somebody who was written to. `id`: the same for the same address of the same user."""

    id: str
    name: str
    address: str


class Register(Result):
    """Its answer, those of the newest messages first."""

    results: list[Correspondent]


def written_to(account: Account, one: EnvelopeAddress) -> Correspondent:
    """One of them, as people read it."""
    address = grammar.readable(f"{grammar.quote_local(one.mailbox)}@{one.host}")
    digest = hashlib.sha256(f"{account.id} {grammar.fold(address)}".encode("utf-8", "replace"))
    return Correspondent(id=digest.hexdigest()[:24], name=one.name, address=address)
