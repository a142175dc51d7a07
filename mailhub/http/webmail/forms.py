"""Forms with files as they come: what is typed is small and becomes a small form, what is enclosed
stays where it was received."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from mimetypes import MimeTypes
from urllib.parse import urlencode

from mailhub.core.composing import Enclosure
from mailhub.core.turns import Turns, run
from mailhub.http.call import Call
from mailhub.http.panel.door import FORM, PARTS
from mailhub.model.errors import Invalid, TooLarge
from mailhub.ports import Clock
from mailhub.wire import composed, formparts, multipart
from mailhub.wire.composed import Enclosed
from mailhub.wire.formparts import FormPart

TYPED = 1 << 20
"""Octets of all that is typed."""
STEP = 64 * 1024
_TYPES = MimeTypes()
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Posted:
    """`call`: with all that was typed as a small form; `files`: what was chosen beside it."""

    call: Call
    files: Sequence[Enclosure] = ()


async def posted(call: Call, clock: Clock) -> Posted:
    """What a form brought. Raises Invalid, TooLarge."""
    kind, body = call.header("content-type"), call.upload
    if body is None:
        return Posted(call)
    view = body.view()
    if kind.partition(";")[0].strip().lower() != PARTS:
        if len(view) > TYPED:
            raise TooLarge("The text is too long", TYPED)
        return Posted(replace(call, body=bytes(view)))
    parts = await run(formparts.locate(view, multipart.boundary(kind)), Turns(clock))
    typed = [one for one in parts if one.filename is None]
    if sum(one.end - one.start for one in typed) > TYPED:
        raise TooLarge("The text is too long", TYPED)
    try:
        pairs = [(one.name, bytes(view[one.start : one.end]).decode()) for one in typed]
    except UnicodeDecodeError:
        raise Invalid("The form fields cannot be decoded") from None
    headers = {**call.headers, "content-type": [FORM]}
    small = replace(call, body=urlencode(pairs).encode(), headers=headers)
    return Posted(small, [_enclosure(view, one) for one in parts if one.is_chosen])


def _enclosure(view: memoryview, one: FormPart) -> Enclosure:
    async def read() -> AsyncIterator[bytes]:
        for at in range(one.start, one.end, STEP):
            yield bytes(view[at : min(at + STEP, one.end)])

    name = one.filename or ""
    media = one.media if one.media and one.media != OCTETS else ""
    media = media or _TYPES.guess_type(f"x/{name}")[0] or OCTETS
    return Enclosure(composed.harmless(Enclosed(media, name)), read)
