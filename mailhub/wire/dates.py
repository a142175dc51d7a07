"""The Date field as seconds and as the day its author wrote (RFC 5322 3.3 and 4.3)."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parsedate_tz

_MONTHS = {
    name: number
    for number, name in enumerate(
        b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
_USUAL = re.compile(
    rb"\s*(?:[A-Za-z]{3},\s*)?(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+"
    rb"(\d\d):(\d\d)(?::(\d\d))?\s+(?:([+-])(\d\d)(\d\d)|GMT|UTC?)(?:\s*\([^()]*\))?\s*"
)
_EPOCH = date(1970, 1, 1).toordinal()
_LENGTH = 200


def parse(value: bytes) -> tuple[int, date] | None:
    """(seconds since the epoch, the day as written) of a Date field's value.

    None where nobody could tell. Obsolete forms, names of zones and two-digit years are read as
    RFC 5322 4.3 says; a date without a zone counts as UTC.
    """
    usual = _USUAL.fullmatch(value)
    if usual is not None:
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = usual.groups()
        offset = 0
        if sign is not None:
            offset = (int(zone_hours) * 60 + int(zone_minutes)) * (-60 if sign == b"-" else 60)
        number = _MONTHS.get(month.lower(), 0)
        return _moment(
            (int(year), number, int(day)), (int(hour), int(minute), int(second or 0)), offset
        )
    try:
        found = parsedate_tz(value[:_LENGTH].decode("ascii", "replace"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found is None:
        return None
    return _moment(found[:3], found[3:6], found[9] or 0)


def _moment(
    day: tuple[int, int, int], time: tuple[int, int, int], offset: int
) -> tuple[int, date] | None:
    """Checks the ranges; second 60 is a leap second."""
    hour, minute, second = time
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60 and abs(offset) < 360000):
        return None
    try:
        written = date(*day)
    except (ValueError, OverflowError):
        return None
    days = written.toordinal() - _EPOCH
    return days * 86400 + hour * 3600 + minute * 60 + second - offset, written


def seconds(value: bytes) -> int | None:
    """Seconds since the epoch, None where the value is unreadable."""
    found = parse(value)
    return found and found[0]


def day(value: bytes) -> date | None:
    """The day as written, without regard to time and zone: what IMAP's SENTON, SENTBEFORE and
    SENTSINCE compare (RFC 9051 6.4.4)."""
    found = parse(value)
    return found and found[1]
