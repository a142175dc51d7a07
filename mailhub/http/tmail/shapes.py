"""What every tmail call takes in common: keys in any case, lists in pages, the error object.

tmail is written in Go, whose JSON decoder reads keys in any case, passes over unknown ones and
takes null for nothing; what has another type than it should is malformed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidationError
from pydantic.alias_generators import to_camel, to_pascal
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mailhub.http import body
from mailhub.http.call import Call
from mailhub.http.tmail import replies
from mailhub.model.errors import Invalid

LISTED = 10_000
"""Most rows of one answer, and those of one that does not say how many it wants."""
LARGEST = (1 << 63) - 1
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}")


class Given(BaseModel):
    """What a client sends as JSON."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Tells that null is taken for nothing."""
        made = handler(core_schema)
        schema = handler.resolve_ref_schema(made)
        for name, one in schema["properties"].items():
            if name not in schema.get("required", ()):
                one["type"] = [one["type"], "null"]
                if "enum" in one:
                    one["enum"] = [*one["enum"], None]
        return made


class Shown(BaseModel):
    """What it gets."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, frozen=True)


class Failure(BaseModel):
    """Every error. `raw`: what brought it about, where there is such a thing."""

    msg: str
    raw: str


class NumberPath(BaseModel):
    """Which one of a list is meant."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[int, Field(ge=1, le=LARGEST)]


class Page(BaseModel):
    """A part of a list; tmail's own clients ask for all of it."""

    model_config = ConfigDict(frozen=True)

    limit: Annotated[int, Field(ge=1, le=LISTED)] = LISTED
    cursor: Annotated[int, Field(ge=0, le=LARGEST)] = 0


_Given = TypeVar("_Given", bound=Given)


def read(shape: type[_Given], call: Call) -> _Given:
    """The request's body; none is an empty one. As tmail, this takes JSON whatever type it is said
    to have: `curl -d` calls everything a form. Raises Refusal, TooLarge."""
    known = {field.alias or name for name, field in shape.model_fields.items()}
    names = {name.lower(): name for name in known}
    try:
        sent = body.json_object(call.body) if call.body.strip() else {}
        return shape.model_validate(
            {names[key.lower()]: sent[key] for key in sent if _counts(key, sent, names)}
        )
    except Invalid as error:
        raise replies.malformed(error.text) from None
    except ValidationError as error:
        raise replies.malformed(_said(error)) from None


def _counts(key: str, sent: dict[str, Any], names: dict[str, str]) -> bool:
    return key.lower() in names and sent[key] is not None


def page(call: Call) -> Page:
    """The list's part. Raises Refusal."""
    try:
        return Page.model_validate({k: v for k, v in call.fields().items() if v})
    except Invalid as error:
        raise replies.malformed(error.text) from None
    except ValidationError as error:
        raise replies.malformed(_said(error)) from None


def number(written: str, what: str) -> int:
    """The number in a path; one that is too large or below 1 is nobody's. Raises Refusal."""
    if _NUMBER.fullmatch(written) is None:
        raise replies.malformed(f"the id of a {what} is a whole number")
    found = int(written)
    if not 0 < found <= LARGEST:
        raise replies.missing(what, written)
    return found


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def dumped(row: Shown) -> bytes:
    """One row as JSON."""
    return row.model_dump_json(by_alias=True).encode()


def array(rows: Iterable[bytes]) -> bytes:
    """Rows as one JSON array."""
    return b"[" + b",".join(rows) + b"]"


def more(call: Call, wanted: Page, last: int) -> tuple[str, str]:
    """The header that leads to the list's next part (RFC 8288)."""
    where = urlencode({"limit": wanted.limit, "cursor": last})
    return "Link", f'<{call.path}?{where}>; rel="next"'
