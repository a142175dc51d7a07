"""Dates of header fields, and their parts as the date test compares them (RFC 5260 section 4)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import mktime_tz, parsedate_tz

_LENGTH = 200
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH_DAY = 40587
"""The Modified Julian Day of 1970-01-01."""


def offset_of(zone: str) -> int | None:
    """Seconds east of UTC of `+hhmm`; None where it is no zone."""
    if len(zone) != 5 or zone[0] not in "+-" or not zone[1:].isascii() or not zone[1:].isdigit():
        return None
    seconds = int(zone[1:3]) * 3600 + int(zone[3:]) * 60
    if int(zone[3:]) > 59 or seconds > 15 * 3600:
        return None
    return -seconds if zone[0] == "-" else seconds


def parse(value: str) -> tuple[int, int] | None:
    """(epoch seconds, its zone in seconds east) of a field's value. What stands before the last
    semicolon is left out, as in Received (RFC 5260 section 4)."""
    text = value.rpartition(";")[2].strip()[:_LENGTH]
    try:
        found = parsedate_tz(text)
        if found is None:
            return None
        zone = found[9] or 0
        return int(mktime_tz(found)), int(zone)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def local_zone(now: int) -> int:
    """This server's zone at a time, in seconds east."""
    return time.localtime(now).tm_gmtoff


def part(name: str, seconds: int, zone: int) -> str | None:
    """One part of a date, in a zone; None for a date that no calendar has."""
    try:
        at = datetime.fromtimestamp(seconds, timezone(timedelta(seconds=zone)))
    except (ValueError, OverflowError, OSError):
        return None
    sign, minutes = "-" if zone < 0 else "+", abs(zone) // 60
    simple = _PARTS.get(name)
    if simple is not None:
        return at.strftime(simple) if name != "year" else f"{at.year:04}"
    if name == "date":
        return f"{at.year:04}-{at.month:02}-{at.day:02}"
    if name == "julian":
        return str((seconds + zone) // 86400 + _EPOCH_DAY)
    if name == "weekday":
        return str((at.weekday() + 1) % 7)
    if name == "zone":
        return f"{sign}{minutes // 60:02}{minutes % 60:02}"
    if name == "iso8601":
        moment = f"{at.year:04}-{at.month:02}-{at.day:02}T{at:%H:%M:%S}"
        return f"{moment}{sign}{minutes // 60:02}:{minutes % 60:02}"
    day = f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
    return f"{day} {at:%H:%M:%S} {sign}{minutes // 60:02}{minutes % 60:02}"


_PARTS = {
    "year": "%Y",
    "month": "%m",
    "day": "%d",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
    "time": "%H:%M:%S",
}
