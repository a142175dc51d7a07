"""POP3 lines ↔ values: tables, and what any bytes do."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid, Unsupported
from mailhub.pop3 import grammar
from mailhub.pop3.grammar import Stuffing, first_lines, parse

VALID = [
    (b"CAPA", grammar.Capa()),
    (b"capa", grammar.Capa()),
    (b"CAPA ", grammar.Capa()),
    (b"USER mrose", grammar.User("mrose")),
    (b"USER mrose@example.org ", grammar.User("mrose@example.org")),
    ("USER андрис@уайлддак.орг".encode(), grammar.User("андрис@уайлддак.орг")),
    (b"PASS secret", grammar.Pass("secret")),
    (b"PASS two words ", grammar.Pass("two words ")),
    (b"PASS  leading", grammar.Pass(" leading")),
    (b"PASS tab\tin", grammar.Pass("tab\tin")),
    (b"AUTH", grammar.Auth("")),
    (b"AUTH PLAIN", grammar.Auth("PLAIN")),
    (b"auth scram-sha-256", grammar.Auth("SCRAM-SHA-256")),
    (b"AUTH PLAIN =", grammar.Auth("PLAIN", b"")),
    (b"AUTH PLAIN AHQAdA==", grammar.Auth("PLAIN", b"\0t\0t")),
    (b"STLS", grammar.Stls()),
    (b"UTF8", grammar.Utf8()),
    (b"LANG", grammar.Lang()),
    (b"LANG *", grammar.Lang("*")),
    (b"LANG en-US", grammar.Lang("en-US")),
    (b"STAT", grammar.Stat()),
    (b"LIST", grammar.List()),
    (b"LIST 1", grammar.List(1)),
    (b"LIST 007", grammar.List(7)),
    (b"UIDL", grammar.Uidl()),
    (b"UIDL 4294967295", grammar.Uidl(4294967295)),
    (b"RETR 2", grammar.Retr(2)),
    (b"RETR  2 ", grammar.Retr(2)),
    (b"TOP 1 0", grammar.Top(1, 0)),
    (b"TOP 10 9999999999", grammar.Top(10, 9999999999)),
    (b"DELE 1", grammar.Dele(1)),
    (b"RSET", grammar.Rset()),
    (b"NOOP", grammar.Noop()),
    (b"QUIT", grammar.Quit()),
]


@pytest.mark.parametrize(("line", "command"), VALID)
def test_a_line_is_its_command(line: bytes, command: grammar.Command) -> None:
    assert parse(line) == command


INVALID = [
    b"",
    b" ",
    b"HELO",
    b"LAST",
    b" STAT",
    b"STAT 1",
    b"QUIT now",
    b"STLS x",
    b"USER",
    b"USER ",
    b"USER \xff",
    b"PASS",
    b"PASS ",
    b"PASS \xc3",
    b"PASS a\0b",
    b"PASS \x1b[2J",
    b"USER a\x7f",
    b"LIST -1",
    b"LIST 1 2",
    b"LIST one",
    b"LIST 1e3",
    "LIST ١".encode(),
    b"LIST 12345678901",
    b"UIDL x",
    b"RETR",
    b"RETR 1 2",
    b"TOP 1",
    b"TOP 1 2 3",
    b"TOP 1 -1",
    b"DELE",
    b"AUTH PLAIN not-base64",
    b"AUTH PLAIN AHQAdA",
    b"AUTH PLAIN AHQAdA== more",
    b"AUTH PL@IN",
    b"LANG not_a_tag",
]


@pytest.mark.parametrize("line", INVALID)
def test_a_bad_line_is_invalid(line: bytes) -> None:
    with pytest.raises(Invalid):
        parse(line)


def test_apop_is_known_and_not_offered() -> None:
    with pytest.raises(Unsupported, match="APOP"):
        parse(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb")


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=600),
        st.sampled_from([v[0] for v in VALID]).flatmap(
            lambda line: st.binary(max_size=20).map(lambda tail: line + b" " + tail)
        ),
    )
)
def test_any_line_is_a_command_or_a_kind(line: bytes) -> None:
    try:
        command: grammar.Command | None = parse(line)
    except (Invalid, Unsupported):
        command = None
    assert command is None or isinstance(command, grammar.Command)


@pytest.mark.parametrize(("line", "data"), [(b"*", None), (b"", b""), (b"AHQAdA==", b"\0t\0t")])
def test_a_sasl_response_is_decoded(line: bytes, data: bytes | None) -> None:
    assert grammar.response(line) == data


@pytest.mark.parametrize("line", [b"=", b"**", b"AHQAdA", b"AH QAdA==", b"\xff"])
def test_a_sasl_response_that_is_not_base64_is_invalid(line: bytes) -> None:
    with pytest.raises(Invalid):
        grammar.response(line)


def stuffed(message: bytes, *cuts: int) -> bytes:
    stuffing = Stuffing()
    edges = [0, *sorted(cut % (len(message) + 1) for cut in cuts), len(message)]
    pairs = pairwise(edges)
    return b"".join(stuffing.feed(message[a:b]) for a, b in pairs) + stuffing.end()


STUFFED = [
    (b"", b".\r\n"),
    (b"a\r\n", b"a\r\n.\r\n"),
    (b"a", b"a\r\n.\r\n"),
    (b"a\n", b"a\n\r\n.\r\n"),
    (b"a\r", b"a\r\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b".", b"..\r\n.\r\n"),
    (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
    (b"a\r\n.\r", b"a\r\n..\r\r\n.\r\n"),
    (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n.\r\n"),
    (b"a\n.\nb\r\n", b"a\n..\nb\r\n.\r\n"),
    (b"a\n.\r\nb\r\n", b"a\n..\r\nb\r\n.\r\n"),
    (b"a\n.\n.\n.\nb\r\n", b"a\n..\n..\n..\nb\r\n.\r\n"),
    (b"a\n.b\n..c\n", b"a\n.b\n..c\n\r\n.\r\n"),
    (b"a\n.", b"a\n..\r\n.\r\n"),
    (b"a.b\r.\r\n", b"a.b\r.\r\n.\r\n"),
]


@pytest.mark.parametrize(("message", "sent"), STUFFED)
def test_dots_are_doubled_where_a_line_could_end_the_message(message: bytes, sent: bytes) -> None:
    assert stuffed(message) == sent
    assert stuffed(message, *range(len(message))) == sent


def ends_by_lf(data: bytes) -> list[int]:
    """Where a client sees the end that, as poplib and fetchmail do, ends lines at LF."""
    return [match.end() for match in re.finditer(rb"(?:^|\n)\.\r?\n", data)]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"\n.\n", b"\xff"])).map(b"".join),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_no_message_ends_early_and_its_bytes_come_back(message: bytes, cuts: list[int]) -> None:
    sent = stuffed(message, *cuts)
    assert sent == stuffed(message)
    assert ends_by_lf(sent) == [len(sent)]
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
    complete = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    read = (b"\r\n" + sent[:-3]).replace(b"\r\n.", b"\r\n")[2:]
    assert re.sub(rb"\n\.\.(?=\r?\n)", b"\n.", read) == re.sub(
        rb"\n\.\.(?=\r?\n)", b"\n.", complete
    )
    if not re.search(rb"(?<!\r)\n\.\r?\n", complete):
        assert read == complete


@pytest.mark.parametrize(
    ("lines", "part", "left"),
    [
        (0, b"", 0),
        (1, b"a\r\n", 0),
        (2, b"a\r\nb\n", 0),
        (3, b"a\r\nb\nc", 1),
        (9, b"a\r\nb\nc", 7),
    ],
)
def test_top_takes_so_many_lines(lines: int, part: bytes, left: int) -> None:
    assert first_lines(b"a\r\nb\nc", lines) == (part, left)
