"""Conditions and ranges of HTTP requests (RFC 9110 sections 13 and 14): pure arithmetic."""

from __future__ import annotations

import re
from email.utils import formatdate, mktime_tz, parsedate_tz

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def http_date(seconds: int) -> str:
    """Epoch seconds as HTTP writes them (RFC 9110 5.6.7)."""
    return formatdate(seconds, usegmt=True)


def read_date(text: str) -> int | None:
    """The other way, None for what is no date."""
    try:
        found = parsedate_tz(text)
        return int(mktime_tz(found)) if found is not None else None
    except (ValueError, OverflowError, TypeError):
        return None


def is_unchanged(none_match: str, modified_since: str, tag: str, modified: int) -> bool:
    """Whether who asks has it already (RFC 9110 13.2.2): If-None-Match counts alone where it is
    there, and is compared weakly (8.8.3.2)."""
    if none_match:
        return none_match.strip() == "*" or tag in _TAG.findall(none_match)
    since = read_date(modified_since) if modified_since else None
    return since is not None and modified <= since


def span(text: str, if_range: str, tag: str, modified: int, size: int) -> tuple[int, int] | None:
    """The part that Range asks for, from and up to; None: all of it. (0, 0): it has no such part.

    Several ranges at once are answered with all of it, as RFC 9110 14.2 allows: they are asked for
    to make servers work, hardly ever by who wants them.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if if_range and if_range.strip() != tag and read_date(if_range) != modified:
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        return (size - count, size) if count else (0, 0)
    start = int(found[1])
    end = min(int(found[2]), size - 1) + 1 if found[2] else size
    if found[2] and int(found[2]) < start:
        return None  # RFC 9110 14.1.2: not a range at all
    return (start, end) if start < size else (0, 0)
