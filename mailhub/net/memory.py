"""How the C library hands out memory: set once, before there are threads.

Python's own small objects do not come from there; large ones, SQLite's pages and TLS do.
"""

from __future__ import annotations

import ctypes

ARENAS = 2
"""Pools that threads share. By itself glibc gives each thread one, and what was once used in one
is of no use to another: with 100,000 queued recipients that is 30 MiB more."""
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_arenas() -> None:
    """Bounds how many pools there will be; other C libraries than glibc do not know the call."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
