"""Tag lists, as DKIM, ARC, DMARC and their DNS records write them (RFC 6376 3.2): bytes to values.

What a tag means, and which ones there must be, is not known here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from mailhub.model.errors import Invalid

LENGTH = 16 * 1024
"""Octets of a list that is read: four times what the longest real ones have."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*+")
# Tabs and line ends are folding white space; no other control character is in a tag list.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def parse(raw: bytes) -> Mapping[str, str]:
    """Every tag with its value, in order, without the white space around it.

    Values may be UTF-8 (RFC 8616). Raises Invalid, also for a tag that stands twice.
    """
    if len(raw) > LENGTH:
        raise Invalid("The tag list is too long")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Invalid("The tag list is not UTF-8") from None
    if _CONTROL.search(text):
        raise Invalid("The tag list holds control characters")
    tags: dict[str, str] = {}
    pieces = text.split(";")
    if not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise Invalid("The tag list is malformed")
        if name in tags:
            raise Invalid(f"The tag {name} stands twice")
        tags[name] = value.strip()
    return tags


def octets(value: str) -> bytes:
    """A base64 value, which may be folded. Raises Invalid."""
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("A value is not base64") from None


def number(value: str) -> int:
    """A decimal value of at most 76 digits (RFC 6376 3.5, `l=`). Raises Invalid."""
    if not (value.isascii() and value.isdigit() and len(value) <= 76):
        raise Invalid("A value is not a number")
    return int(value)


def words(value: str) -> tuple[str, ...]:
    """A colon-separated value."""
    return tuple(word.strip() for word in value.split(":"))
