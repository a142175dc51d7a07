"""Spans of time as people write and read them: 90s, 10m, 2h, 3d, 1w."""

from __future__ import annotations

import re
import time

import click

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(\d{1,9})([wdhms]?)")


def span(text: str) -> int:
    """Seconds, from a number with its unit; without one they are seconds. For click's `type`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no span of time such as 90s, 10m, 2h, 3d or 1w")
    return int(found[1]) * UNITS[found[2] or "s"]


def words(seconds: int) -> str:
    """A span as its two largest units, such as `3h20m`."""
    parts: list[str] = []
    left = max(0, seconds)
    for unit in "dhms":
        count, left = divmod(left, UNITS[unit])
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"


def moment(at: int) -> str:
    """A time in UTC, such as `2026-03-01 12:00:00Z`."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))
