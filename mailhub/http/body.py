"""Decodes request bodies: JSON or a form, bounded in size, depth and width.

How many bytes a request may bring is enforced in `server`, on the wire; here whatever came is
either a dictionary of plain values or a kind of `model.errors`, and never another exception.
"""

from __future__ import annotations

import json
from typing import Any

from mailhub.http.call import JSON, Call, form
from mailhub.model.errors import Invalid, TooLarge, Unsupported

JSON_LIMIT = 1 << 20
"""Bytes of a JSON or form body: decoding runs on the reactor."""
DEPTH = 16
"""Levels of nesting."""
FIELDS = 500
"""Fields of the body itself: every one that a call does not know costs a line of its answer."""
VALUES = 20_000
"""Names and values in all."""
FORM = "application/x-www-form-urlencoded"


def fields(call: Call) -> dict[str, Any]:
    """The body's fields; empty for no body.

    Raises Invalid (not what it says it is, not an object, too deep), Unsupported (another media
    type), TooLarge.
    """
    data = call.body
    if not data:
        return {}
    if len(data) > JSON_LIMIT:
        raise TooLarge("The body is too large", JSON_LIMIT)
    kind = call.header("content-type").partition(";")[0].strip().lower()
    if kind == FORM:
        return dict(form(_text(data)))
    if kind == JSON:
        return json_object(data)
    raise Unsupported(f"The body's type has to be {JSON}")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8") from None


def json_object(data: bytes) -> dict[str, Any]:
    """The fields of a JSON object. Raises Invalid, TooLarge."""
    if len(data) > JSON_LIMIT:
        raise TooLarge("The body is too large", JSON_LIMIT)
    try:
        value = json.loads(_text(data), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Invalid("The body is not JSON") from None
    if not isinstance(value, dict):
        raise Invalid("The body is not a JSON object")
    if len(value) > FIELDS:
        raise Invalid("The body has too many fields")
    _check(value)
    return value


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON (RFC 8259 section 6)."""
    raise ValueError(constant)


def _check(value: object) -> None:
    """Raises Invalid for what is too deep or too wide, and for half surrogate pairs, which no
    UTF-8 holds."""
    level: list[object] = [value]
    seen = 0
    for _ in range(DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _check_text(item)
        if not below:
            return
        seen += len(below)
        if seen > VALUES:
            raise Invalid("The body has too many values")
        level = below
    raise Invalid("The body is nested too deeply")


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Invalid("The body is not Unicode text") from None
