"""What every WildDuck call takes in common: merged parameters, their types, and Joi's texts.

Clients show `details` to people and some match its words, so they are those of the Joi library
that WildDuck validates with. Pure: JSON, query and path in; values or Invalid out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from mailhub.http import body
from mailhub.http.call import Call
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid

LARGEST = (1 << 53) - 1
"""The largest integer that a JavaScript client holds exactly."""
TRUE = frozenset({"y", "true", "yes", "on", "1"})
FALSE = frozenset({"n", "false", "no", "off", "0"})


class FieldErrors(Invalid):
    """`details`: a text for each field at fault."""

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__(". ".join(details.values()), next(iter(details), ""))
        self.details = dict(details)


def _boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) else ""
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise PydanticCustomError("boolean", "must be a boolean")


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number")
    return value


def _hex_id(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string", "must be a string")
    if not set(value) <= set("0123456789abcdefABCDEF"):
        raise PydanticCustomError("hex", "must only contain hexadecimal characters")
    if len(value) != 24:
        raise PydanticCustomError("length", "length must be 24 characters long")
    return value.lower()


def _ip(value: object) -> object:
    try:
        return str(ip_address(value if isinstance(value, str) else "-"))
    except ValueError:
        raise PydanticCustomError(
            "ip", "must be a valid ip address with a forbidden CIDR"
        ) from None


def _words(value: object) -> object:
    """A comma-separated list."""
    if isinstance(value, str):
        return [word for part in value.split(",") if (word := part.strip())]
    return value


Trimmed = Annotated[str, StringConstraints(strip_whitespace=True)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Number = Annotated[int, BeforeValidator(_number), Field(ge=0, le=LARGEST)]
Signed = Annotated[int, BeforeValidator(_number), Field(ge=-LARGEST, le=LARGEST)]
HexId = Annotated[
    str,
    BeforeValidator(_hex_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}),
]
IPAddress = Annotated[
    str,
    BeforeValidator(_ip),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "ipv4"},
                {"type": "string", "format": "ipv6"},
                {"const": ""},
            ]
        }
    ),
]
Label = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
"""Text of one line, which lists and logs show as it is."""
Tags = Annotated[
    list[Annotated[Trimmed, Field(min_length=1, max_length=128)]], Field(max_length=100)
]
TagWords = Annotated[list[Annotated[str, Field(max_length=1024)]], BeforeValidator(_words)]


class Parameters(BaseModel):
    """The base of all calls: unknown fields are refused, `sess` and `ip` always taken.

    `sess` and `ip` are labels of the caller's own user, for the security log; nothing is decided
    by them. An empty text is an absent one, except for the names in `clearable`: those it clears,
    and so does null, which is how GET shows them when they are empty.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)
    clearable: ClassVar[frozenset[str]] = frozenset()

    sess: Label = ""
    ip: IPAddress = ""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        clear = cls.clearable
        given = {name: value for name, value in data.items() if value != "" or name in clear}
        return given | {name: "" for name in clear if name in data and data[name] is None}


class Shown(BaseModel):
    """The base of what answers hold; names in JSON are those of JavaScript."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Result(Shown):
    """The base of whole answers."""

    success: Literal[True] = True


class Failure(Shown):
    """Every error. `details`: a text for each parameter at fault."""

    model_config = ConfigDict(extra="allow")

    error: str
    code: str
    details: dict[str, str] | None = None


class UserCall(Parameters):
    """A call on one user."""

    user: HexId


class Page(Parameters):
    """A list's part; here unknown fields pass, as WildDuck lets them."""

    model_config = ConfigDict(extra="ignore")

    limit: Annotated[int, BeforeValidator(_number), Field(ge=1, le=250)] = 20
    next: Annotated[str, Field(max_length=1024)] = ""
    previous: Annotated[str, Field(max_length=1024)] = ""
    page: Number = 1


_Shape = TypeVar("_Shape", bound=Parameters)


def read(shape: type[_Shape], call: Call) -> _Shape:
    """The call's parameters: query, then body, then path, the later ones winning.

    Raises Invalid, FieldErrors.
    """
    merged: dict[str, Any] = dict(call.fields())
    merged.pop("accessToken", None)
    merged.update(body.fields(call))
    merged.update(call.arguments)
    try:
        return shape.model_validate(merged)
    except ValidationError as error:
        raise FieldErrors(details(error.errors())) from None


def read_body(shape: type[_Shape], call: Call) -> _Shape:
    """The body's own parameters, for names that the path has too. Raises Invalid, FieldErrors."""
    try:
        return shape.model_validate(body.fields(call))
    except ValidationError as error:
        raise FieldErrors(details(error.errors())) from None


def actor(call: Call, wanted: Parameters) -> Actor:
    """Who changes something, with what the application says of its own user."""
    return replace(call.actor, ip=wanted.ip, session=wanted.sess)


TEXTS = {
    "missing": "is required",
    "extra_forbidden": "is not allowed",
    "string_type": "must be a string",
    "string_too_long": "length must be less than or equal to {max_length} characters long",
    "string_too_short": "length must be at least {min_length} characters long",
    "string_pattern_mismatch": "fails to match the required pattern",
    "int_type": "must be a number",
    "int_parsing": "must be a number",
    "int_parsing_size": "must be a safe number",
    "int_from_float": "must be an integer",
    "greater_than_equal": "must be greater than or equal to {ge}",
    "less_than_equal": "must be less than or equal to {le}",
    "list_type": "must be an array",
    "dict_type": "must be of type object",
    "model_type": "must be of type object",
    "too_long": "must contain less than or equal to {max_length} items",
}
"""pydantic's error types in Joi's words."""


def details(errors: Sequence[ErrorDetails]) -> dict[str, str]:
    """A text for each field, the first error of each."""
    texts: dict[str, str] = {}
    for error in errors:
        name = _name(error["loc"])
        template = TEXTS.get(error["type"])
        text = template.format(**error.get("ctx", {})) if template else error["msg"]
        if error["type"] == "string_too_short" and error["input"] == "":
            text = "is not allowed to be empty"
        texts.setdefault(name, f'"{name}" {text}')
    return texts


def _name(location: Sequence[str | int]) -> str:
    """`tags`, `tags[0]`; the branches of a union are no part of the name."""
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
        elif not name:
            name = part
    return name or "value"
