"""What is kept ready, bounded: past some count the oldest quarter goes."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

CACHED = 50_000


def remember(cache: dict[_Key, _Value], key: _Key, value: _Value, most: int = CACHED) -> None:
    """Keeps `value`."""
    if len(cache) >= most:
        for old in list(islice(cache, most // 4)):
            del cache[old]
    cache[key] = value
