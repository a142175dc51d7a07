"""Lists of flags as imap4flags handles them (RFC 5232 section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailhub.model.flags import SYSTEM_BY_FOLDED, SYSTEM_NAMES

_KEYWORD = re.compile(r"[A-Za-z0-9!#$&'+,\-./:;<=>?@\[^_`|}~]{1,255}")
"""An IMAP flag-keyword: an atom (RFC 9051 section 9)."""
_CANONICAL = {name.lower(): name for name in SYSTEM_NAMES}


def flags_of(texts: Iterable[str], limit: int) -> tuple[str, ...]:
    """The flags in strings, each of which may name several; once each, without regard to case.
    What is no flag is left out (RFC 5232 section 2), and what is past `limit`."""
    found: dict[str, str] = {}
    for text in texts:
        for name in text.split():
            folded = name.lower()
            if folded in SYSTEM_BY_FOLDED:
                found.setdefault(folded, _CANONICAL[folded])
            elif _KEYWORD.fullmatch(name):
                found.setdefault(folded, name)
            if len(found) >= limit:
                return tuple(found.values())
    return tuple(found.values())


def without(flags: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    """`flags` but those in `gone`."""
    folded = {flag.lower() for flag in gone}
    return tuple(flag for flag in flags if flag.lower() not in folded)
