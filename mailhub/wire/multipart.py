"""Forms whose fields stand in parts of their own (RFC 7578): bytes to named values. Pure.

For bodies that are in memory already, so bounded; nothing is decoded but the names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailhub.model.errors import Invalid

PARTS = 100
_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^;\s"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb';\s*name="([^"\r\n]*)"', re.IGNORECASE)


def boundary(kind: str) -> bytes:
    """What parts the fields, by a Content-Type of multipart/form-data. Raises Invalid."""
    found = _BOUNDARY.search(kind)
    if found is None:
        raise Invalid("The form has no boundary")
    return (found[1] or found[2]).encode("ascii", "replace")


def fields(data: bytes, boundary: bytes) -> Mapping[str, bytes]:
    """The values by name; of repeated ones the last. Raises Invalid."""
    line = b"\r\n--" + boundary
    pieces = (b"\r\n" + data).split(line)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Invalid("The form does not end")
    if len(pieces) > PARTS + 2:
        raise Invalid("The form has too many fields")
    found: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, empty, value = piece.partition(b"\r\n\r\n")
        name = _disposition(head)
        if not empty or name is None:
            raise Invalid("A field of the form has no name")
        found[name] = value
    return found


def _disposition(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        kind, _, rest = line.partition(b":")
        if kind.strip().lower() == b"content-disposition":
            found = _NAME.search(rest)
            return found[1].decode("utf-8", "replace") if found else None
    return None
