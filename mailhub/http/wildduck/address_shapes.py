"""Addresses as WildDuck spells them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from mailhub.http.wildduck.shapes import Boolean, HexId, Page, Trimmed, UserCall
from mailhub.model.address import Address


def _true(value: object) -> object:
    """An address stops being the main one only when another becomes it."""
    if value not in (True, "true", "yes", "y", "on", "1", 1):
        raise PydanticCustomError("true", "must be true")
    return True


def _plain(value: str) -> str:
    if "+" in value.rpartition("@")[0]:
        raise PydanticCustomError("label", "must not contain the + sign")
    return value


Spelling = Annotated[Trimmed, Field(min_length=3, max_length=254), AfterValidator(_plain)]
Name = Annotated[Trimmed, Field(max_length=128)]


class AddressCall(UserCall):
    """A call on one address of a user."""

    address: HexId


class NewAddress(UserCall):
    """POST /users/{user}/addresses."""

    address: Spelling
    main: Boolean = False
    name: Name = ""
    allow_wildcard: Boolean = False


class OldAddress(AddressCall):
    """PUT /users/{user}/addresses/{address}."""

    main: Annotated[bool, BeforeValidator(_true)] = False
    name: Name | None = None


class AddressList(Page):
    """GET /addresses."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""


def listed(address: Address, user: str) -> dict[str, object]:
    """A row of GET /addresses; an alias without a user says `forwarded`."""
    shown: dict[str, object] = {"id": address.id, "name": address.name or False}
    shown["address"] = address.address
    if user:
        shown["user"] = user
    shown["forwarded"] = bool(address.targets)
    return shown


def shown(address: Address) -> dict[str, object]:
    """One address of a user."""
    created = datetime.fromtimestamp(address.created, UTC)
    return {
        "id": address.id,
        "name": address.name or False,
        "address": address.address,
        "main": address.main,
        "created": created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
