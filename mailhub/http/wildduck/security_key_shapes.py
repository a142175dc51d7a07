"""Security keys as newer WildDuck versions spell them: byte strings are hexadecimal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from mailhub.http.wildduck.identity_shapes import Line
from mailhub.http.wildduck.shapes import (
    Boolean,
    HexId,
    Parameters,
    Result,
    Shown,
    Trimmed,
    UserCall,
)
from mailhub.model.identity import SecurityKey
from mailhub.wire.passkey import LARGEST


def _octets(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string", "must be a string")
    if len(value) > 2 * LARGEST:
        raise PydanticCustomError("long", "is too long")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise PydanticCustomError("hex", "must only contain hexadecimal characters") from None


Octets = Annotated[bytes, BeforeValidator(_octets)]
Attachment = Literal["platform", "cross-platform"]


class KeyCall(UserCall):
    """DELETE …/2fa/webauthn/credentials/{credential}."""

    credential: HexId


class Page(Parameters):
    """From where a key is asked."""

    origin: Annotated[Trimmed, Field(max_length=1024)]
    authenticator_attachment: Attachment = "cross-platform"
    rp_id: Annotated[Trimmed, Field(max_length=255)] = ""


class NewKey(Page, UserCall):
    """POST …/registration-challenge."""

    description: Annotated[Line, Field(min_length=1)]


class KeyWanted(Page, UserCall):
    """POST …/authentication-challenge."""


class Answered(UserCall):
    """What every answer of a key has. `rp_id`: as the challenge had it; it is not asked again."""

    challenge: Octets
    raw_id: Octets
    client_data_json: Octets = Field(alias="clientDataJSON")
    rp_id: Annotated[Trimmed, Field(max_length=255)] = ""


class Attested(Answered):
    """POST …/registration-attestation."""

    attestation_object: Octets


class Asserted(Answered):
    """POST …/authentication-assertion."""

    authenticator_data: Octets
    signature: Octets
    token: Boolean = False


class Key(Shown):
    """A registered key."""

    id: str
    raw_id: str
    description: str
    authenticator_attachment: str


class Keys(Result):
    """GET …/2fa/webauthn/credentials."""

    credentials: list[Key]


class Removed(Result):
    """Whether the key was there."""

    deleted: bool


class Named(Shown):
    """The server's side of a registration."""

    id: str
    name: str


class Person(Named):
    """The user's side of it."""

    display_name: str


class Selection(Shown):
    """Which kind of key is wanted."""

    authenticator_attachment: str


class Known(Shown):
    """A key that is registered already."""

    raw_id: str
    type: Literal["public-key"] = "public-key"
    transports: list[str]


class RegistrationOptions(Shown):
    """What a page gives to `navigator.credentials.create`."""

    challenge: str
    user: Person
    rp: Named
    authenticator_selection: Selection
    exclude_credentials: list[Known]


class Registration(Result):
    """The answer of …/registration-challenge."""

    registration_options: RegistrationOptions


class Made(Key, Result):
    """The answer of …/registration-attestation: the key, and once more under `response`."""

    response: Key


class AuthenticationOptions(Shown):
    """What a page gives to `navigator.credentials.get`."""

    challenge: str
    allow_credentials: list[Known]
    rp_id: str
    user_verification: Literal["preferred"] = "preferred"
    timeout: int


class Authentication(Result):
    """The answer of …/authentication-challenge."""

    authentication_options: AuthenticationOptions


class Proof(Shown):
    """Which key it was."""

    authenticated: Literal[True] = True
    credential: str


class Proven(Result):
    """The answer of …/authentication-assertion."""

    response: Proof


class ProvenWithToken(Proven):
    """The same with a token that is good for everything."""

    token: str


def key(row: SecurityKey) -> Key:
    """A key as JSON."""
    return Key(
        id=row.id,
        raw_id=row.credential.hex(),
        description=row.description,
        authenticator_attachment=row.attachment,
    )


def known(row: SecurityKey) -> Known:
    """A key that a browser is told of."""
    ways = ["internal"] if row.attachment == "platform" else ["usb", "nfc", "ble"]
    return Known(raw_id=row.credential.hex(), transports=ways)
