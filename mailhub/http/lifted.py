"""JSON with contents in it that are too large to be decoded at once: those stay where they are.

A message with attachments comes as one JSON body. What stands under `content` or `raw` and is long
is left in the spool, and read from there when it is needed; the rest is small, or refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, replace

from mailhub.core.turns import Turns, run
from mailhub.http import body
from mailhub.http.body import FORM
from mailhub.http.call import JSON, Call
from mailhub.model.errors import Invalid, TooLarge
from mailhub.ports import Clock

LEAST = 64 * 1024
"""Octets of a text that is left behind."""
LEFT = frozenset({b"content", b"raw"})
"""The names of what may be."""
_STEP = 128 * 1024
_ESCAPES = 2000
_QUOTE = re.compile(rb'"')
_END = re.compile(rb'["\\]')
_MARK = re.compile("\0(\\d{1,5})")


@dataclass(frozen=True, slots=True)
class Lifted:
    """A call whose body is small, and the contents that it leaves out."""

    call: Call
    contents: tuple[memoryview, ...] = ()

    def text(self, value: str) -> bytes | memoryview:
        """The octets of a field of the body as they stand in JSON, without the quotes: what was
        left behind, or what came. Raises Invalid."""
        found = _MARK.fullmatch(value)
        if found is None:
            return json.dumps(value, ensure_ascii=False)[1:-1].encode()
        if int(found[1]) >= len(self.contents):
            raise Invalid("Control characters are not possible here")
        return self.contents[int(found[1])]


def unescaped(text: bytes | memoryview) -> str:
    """A JSON text without its quotes, read. Raises Invalid, TooLarge."""
    if len(text) > body.JSON_LIMIT:
        raise TooLarge("A text is too large: encode it as base64", body.JSON_LIMIT)
    try:
        value = json.loads(b'"' + bytes(text) + b'"', strict=False)
    except ValueError:
        raise Invalid("The body is not JSON") from None
    return value if isinstance(value, str) else ""


async def lift(call: Call, clock: Clock) -> Lifted:
    """The call of a route for large bodies, with its body where that is JSON or a form.

    Raises Invalid, TooLarge.
    """
    if call.upload is None:
        return Lifted(call)
    kind = call.header("content-type").partition(";")[0].strip().lower()
    view = call.upload.view()
    if kind == JSON and len(view) > LEAST:
        small, contents = await run(_lifting(view), Turns(clock))
        return Lifted(replace(call, body=small), tuple(contents))
    if kind in (JSON, FORM):
        if len(view) > body.JSON_LIMIT:
            raise TooLarge("The body is too large", body.JSON_LIMIT)
        return Lifted(replace(call, body=bytes(view)))
    return Lifted(call)


def _lifting(view: memoryview) -> Generator[None, None, tuple[bytes, list[memoryview]]]:
    """The document with a mark for each content, and the contents."""
    kept, contents = bytearray(), list[memoryview]()
    copied = at = 0
    key = b""
    while (start := (yield from _search(_QUOTE, view, at))) >= 0:
        end = yield from _end(view, start + 1)
        if end < 0:
            break
        if end - start > LEAST and key in LEFT:
            kept += view[copied:start]
            kept += b'"\\u0000%d"' % len(contents)
            contents.append(view[start + 1 : end])
            copied = end + 1
        key = bytes(view[start + 1 : end]) if end - start < 10 else b""
        at = end + 1
        if len(kept) + at - copied > body.JSON_LIMIT:
            raise TooLarge("The body is too large without its attachments", body.JSON_LIMIT)
        yield
    if len(kept) + len(view) - copied > body.JSON_LIMIT:
        raise TooLarge("The body is too large without its attachments", body.JSON_LIMIT)
    kept += view[copied:]
    return bytes(kept), contents


def _search(pattern: re.Pattern[bytes], view: memoryview, at: int) -> Generator[None, None, int]:
    """Where it is found first; -1: nowhere."""
    while at < len(view):
        found = pattern.search(view, at, at + _STEP)
        if found is not None:
            return found.start()
        at += _STEP
        yield
    return -1


def _end(view: memoryview, at: int) -> Generator[None, None, int]:
    """The quote that ends a text; -1: there is none."""
    escapes = 0
    while (found := (yield from _search(_END, view, at))) >= 0:
        if view[found] == ord('"'):
            return found
        at = found + 2
        escapes += 1
        if escapes % _ESCAPES == 0:
            yield
    return -1
