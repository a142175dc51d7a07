"""Address lists of headers: RFC 5322's forms, obsolete ones, and what people send."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import addresslist
from mailhub.wire.addresslist import HeaderAddress

N = None
END = (N, N, N, N)
CASES = [
    (b"", []),
    (b" \r\n ", []),
    (b",, ,", []),
    (b"a@b", [(N, N, b"a", b"b")]),
    (b"<a@b>", [(N, N, b"a", b"b")]),
    (b"A B <a@b>", [(b"A B", N, b"a", b"b")]),
    (b"John Q. Public <j@x>", [(b"John Q. Public", N, b"j", b"x")]),
    (b'"Doe, John" <j@x>, k@y', [(b"Doe, John", N, b"j", b"x"), (N, N, b"k", b"y")]),
    (b'"a \\"b\\" \\\\" <c@d>', [(b'a "b" \\', N, b"c", b"d")]),
    (b'"Joe" Q "Public" <j@x>', [(b"Joe Q Public", N, b"j", b"x")]),
    (b"A\r\n\tB\r\n C <a@b>\r\n", [(b"A B C", N, b"a", b"b")]),
    (b"=?utf-8?q?J=C3=BC?= <a@b>", [(b"=?utf-8?q?J=C3=BC?=", N, b"a", b"b")]),
    (b"J\xfc <\xfc@\xfc>", [(b"J\xfc", N, b"\xfc", b"\xfc")]),
    (b"a@b (Old Style)", [(b"Old Style", N, b"a", b"b")]),
    (b"A (note) <a@b> (more)", [(b"A", N, b"a", b"b")]),
    (b"a@b (x (y) \\) z)", [(b"x (y) ) z", N, b"a", b"b")]),
    (b"(only)", [(b"only", N, b"", b"")]),
    (b'"q r"@x', [(N, N, b"q r", b"x")]),
    (b'"q@r"@x', [(N, N, b"q@r", b"x")]),
    (b"a . b @ c . d", [(N, N, b"a.b", b"c.d")]),
    (b"a@[192.0.2.1]", [(N, N, b"a", b"[192.0.2.1]")]),
    (b"<@r,@s:a@b>", [(N, b"@r,@s", b"a", b"b")]),
    (b"X <@r:a@b>, c@d", [(b"X", b"@r", b"a", b"b"), (N, N, b"c", b"d")]),
    (
        b"Team: a@b, C <c@d>;",
        [(N, N, b"Team", N), (N, N, b"a", b"b"), (b"C", N, b"c", b"d"), END],
    ),
    (b"undisclosed-recipients:;", [(N, N, b"undisclosed-recipients", N), END]),
    (b"T: a@b; c@d", [(N, N, b"T", N), (N, N, b"a", b"b"), END, (N, N, b"c", b"d")]),
    (b"T: a@b", [(N, N, b"T", N), (N, N, b"a", b"b"), END]),
    (b'"My Team": a@b;', [(N, N, b"My Team", N), (N, N, b"a", b"b"), END]),
    (b"a@b; c@d", [(N, N, b"a", b"b"), (N, N, b"c", b"d")]),
    (b"root", [(N, N, b"root", b"")]),
    (b"John Doe", [(b"John Doe", N, b"", b"")]),
    (b"<>", [(N, N, b"", b"")]),
    (b"X <>", [(b"X", N, b"", b"")]),
    (b"<a@b", [(N, N, b"a", b"b")]),
    (b'"a@b', [(b"a@b", N, b"", b"")]),
    (b"a@", [(N, N, b"a", b"")]),
    (b"@b", [(N, N, b"", b"b")]),
    (b"a@b>", [(N, N, b"a", b"b")]),
    (b"a@b@c", [(N, N, b"a@b", b"c")]),
    (b"Name one@x", [(b"Name", N, b"one", b"x")]),
    (b"a@b <c@d>", [(b"a@b", N, b"c", b"d")]),
]


@pytest.mark.parametrize(("value", "found"), CASES)
def test_parse(value: bytes, found: list[tuple[bytes | None, ...]]) -> None:
    assert [tuple(address) for address in addresslist.parse(value)] == found


def test_the_limit_holds_within_groups() -> None:
    found = addresslist.parse(b"T: " + b"a@b, " * 100 + b";", 10)
    assert len(found) <= 11
    assert found[-1] == HeaderAddress(None, None, None, None)
    assert len(addresslist.parse(b"a@b, " * 20_000)) == addresslist.LIMIT


def test_work_is_done_in_slices() -> None:
    value = b"(x) " * 50_000 + b"<a@b>"
    steps = addresslist.parsing(value)
    assert sum(1 for _ in steps) > 20


@pytest.mark.parametrize(
    "piece",
    [b"(", b"<", b'"', b"[", b"\\", b"a ", b"<@", b"a<", b"a:", b";", b'"\\', b"<@a,", b"a@", b","],
)
def test_hostile_lists_cost_linear_time(piece: bytes) -> None:
    started = time.thread_time()
    addresslist.parse(piece * (200_000 // len(piece)))
    assert time.thread_time() - started < 3


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(), st.text('a@<>"(),:;\\[] .\r\n', max_size=60).map(str.encode)))
def test_any_bytes_give_a_list(value: bytes) -> None:
    depth = 0
    for name, _, mailbox, host in addresslist.parse(value):
        if host is None:
            depth += 1 if mailbox is not None else -1
            assert name is None
        else:
            assert mailbox is not None
        assert depth in (0, 1)
    assert depth == 0
