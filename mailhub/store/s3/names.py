"""What bodies outside the database are called: a number in rows, a name in the bucket. Pure.

Of a number's 63 bits the highest says that it is an object, the next one that it is encrypted.
Forty count uploads, given out by the database in blocks, so that no two are ever called the same
(62 random bits alone would meet after some billions of them). The lowest are random: the names of
a database that somebody copied do not meet the ones of its origin.
"""

from __future__ import annotations

import re

OBJECT = 1 << 62
SEALED = 1 << 61
"""Also in the number of a body in the database: it is encrypted."""
RANDOM_BITS = 21
COUNT_BITS = 40
BLOCK = 1024
"""Numbers that a process takes at once."""
_NAME = re.compile(r"[0-9a-f]{2}/([0-9a-f]{16})")


def number(count: int, random: int, *, sealed: bool) -> int:
    """A body's number in rows."""
    low = (count & (1 << COUNT_BITS) - 1) << RANDOM_BITS | random & (1 << RANDOM_BITS) - 1
    return OBJECT | (SEALED if sealed else 0) | low


def is_object(segment: int) -> bool:
    """Whether it is in the bucket."""
    return segment >= OBJECT


def is_sealed(segment: int) -> bool:
    """Whether it is encrypted."""
    return bool(segment & SEALED)


def key_of(prefix: str, segment: int) -> str:
    """The object's name: 256 folders, of which each has its share."""
    low = segment ^ OBJECT
    return f"{prefix}{low & 0xFF:02x}/{low:016x}"


def segment_of(prefix: str, key: str) -> int | None:
    """The number of an object; None for a name that is not of ours."""
    found = _NAME.fullmatch(key.removeprefix(prefix)) if key.startswith(prefix) else None
    if found is None:
        return None
    low = int(found[1], 16)
    segment = low | OBJECT
    return segment if low < OBJECT and key_of(prefix, segment) == key else None
