"""Date fields: the usual form, obsolete forms, and nonsense."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import dates

CASES = [
    (b"Tue, 21 Nov 2023 10:11:12 +0100", 1700557872, date(2023, 11, 21)),
    (b"21 Nov 2023 10:11:12 +0100", 1700557872, date(2023, 11, 21)),
    (b"Tue, 21 Nov 2023 10:11:12 +0100 (CET)", 1700557872, date(2023, 11, 21)),
    (b"Tue,  1 Nov 2022 10:11 GMT", 1667297460, date(2022, 11, 1)),
    (b"Wed, 22 Nov 2023 00:30:00 +0200", 1700605800, date(2023, 11, 22)),
    (b"Tue, 21 Nov 23 10:11:12 EST", 1700579472, date(2023, 11, 21)),
    (b"Tue, 21 Nov 2023 10:11:12", 1700561472, date(2023, 11, 21)),
    (b"Thu, 01 Jan 1970 00:00:00 -0000", 0, date(1970, 1, 1)),
    (b"Thu, 01 Jan 1960 00:00:00 +0000", -315619200, date(1960, 1, 1)),
    (b"Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, date(2016, 12, 31)),
    (b"Tue Nov 21 10:11:12 2023", 1700561472, date(2023, 11, 21)),
]
UNREADABLE = [
    b"", b"now", b"Tue, 31 Feb 2023 10:11:12 +0000", b"Tue, 21 Nov 2023 24:00:00 +0000",
    b"Tue, 21 Nov 2023 10:61:00 +0000", b"Tue, 21 Xyz 2023 10:11:12 +0000", b"(" * 100_000,
    b"Tue, 21 Nov 99999999999999999999 10:11:12 +0000", b"0 Jan 2023 00:00:00 +0000", b"\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize(("value", "seconds", "day"), CASES)
def test_readable(value: bytes, seconds: int, day: date) -> None:
    assert dates.parse(value) == (seconds, day)
    assert dates.seconds(value) == seconds
    assert dates.day(value) == day


@pytest.mark.parametrize("value", UNREADABLE)
def test_unreadable(value: bytes) -> None:
    assert dates.parse(value) is None
    assert dates.seconds(value) is None
    assert dates.day(value) is None


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.datetimes(datetime(1000, 1, 1)), st.integers(-23 * 60, 23 * 60))
def test_agrees_with_the_standard_library(moment: datetime, offset: int) -> None:
    written = format_datetime(moment.replace(tzinfo=timezone(timedelta(minutes=offset))))
    expected = parsedate_to_datetime(written)
    found = dates.parse(written.encode())
    assert found is not None
    assert found[1] == expected.date()
    if 2 < expected.year < 9998:
        assert found[0] == int(expected.timestamp())


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("0129 NovTue,:+-()", max_size=40).map(str.encode)))
def test_any_bytes(value: bytes) -> None:
    found = dates.parse(value)
    assert found is None or isinstance(found[0], int)
