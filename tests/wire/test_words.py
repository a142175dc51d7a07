"""Encoded words: RFC 2047's examples, what senders break, and any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import charsets, words

CASES = [
    (b"", ""),
    (b"  plain  ", "plain"),
    (b"folded\r\n\tonce\r\n  twice", "folded once twice"),
    (b"=?ISO-8859-1?Q?a?=", "a"),
    (b"=?ISO-8859-1?Q?a?= b", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a_b?=", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
    (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
    (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
    (b"x =?utf-8?q?=C3=BC?= y =?utf-8?q?=C3=A4?=", "x ü y ä"),
    # A character's bytes in two words, as many senders have it.
    (b"=?utf-8?b?w7w?= =?utf-8?q?=C3?= =?utf-8?q?=BC?=", "üü"),
    (b"=?utf-8?q?=C3?=\r\n =?UTF-8?b?vA==?=", "ü"),
    (b"=?utf-8?q?a?= =?koi8-r?b?8NLJ18XU?= =?utf-8?q?b?=", "aПриветb"),
    (b"=?utf-8*de?q?=C3=BC?=", "ü"),
    (b"=?gb2312?B?xOO6ww==?=", "你好"),
    (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
    (b"=?utf-8?Q?with spaces inside?=", "with spaces inside"),
    (b"=?windows-1252?q?=80?=", "€"),
    (b"=?iso-8859-1?q?=80?=", "€"),
    (b"=?us-ascii?q?=E4?=", "ä"),
    (b"=?us-ascii?q?=C3=A4?=", "ä"),
    (b"=?utf-8?q?=E4?=", "\ufffd"),
    (b"=?no-such-charset?q?=E4?=", "ä"),
    (b"=?rot13?q?abc?=", "abc"),
    (b"=?unicode_escape?q?=5Cx41?=", "\\x41"),
    (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
    (b"=?utf-8?q?abc", "=?utf-8?q?abc"),
    (b"=?utf-8?q??= x", " x"),
    (b"raw \xc3\xbc", "raw ü"),
    (b"raw \xfc", "raw ü"),
    (b"a=?utf-8?q?b?=c", "abc"),
]


@pytest.mark.parametrize(("value", "shown"), CASES)
def test_decode(value: bytes, shown: str) -> None:
    assert words.decode(value) == shown


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-8?q?a=0D=0ABcc:_x?=",
        b"=?utf-8?b?YQpCY2M6IHg=?=",
        b"a\rBcc: x",
        b"=?utf-16be?q?=00a=00=0A?= Bcc: x",
    ],
)
def test_line_breaks_hidden_in_a_field_are_spaces(value: bytes) -> None:
    """They would begin a new field where somebody writes the text into a header."""
    assert words.decode(value).split() == ["a", "Bcc:", "x"]
    assert "\r" not in words.decode(value)
    assert "\n" not in words.decode(value)


def test_a_flood_of_words_is_left_as_it_is() -> None:
    shown = words.decode(b"=?utf-8?q?a?= " * 50_000)
    assert shown.startswith("a" * 1000)
    assert shown.endswith("=?utf-8?q?a?=")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(), st.text("=?utf-8bq_C3 \r\n", max_size=80).map(str.encode)))
def test_any_bytes(value: bytes) -> None:
    assert isinstance(words.decode(value), str)
    assert b"\n" not in words.unfold(value)


@pytest.mark.parametrize("charset", [*sorted(charsets._CODECS), "", "x" * 1000, "\x00", "é", "_"])
def test_no_charset_raises(charset: str) -> None:
    everything = bytes(range(256)) * 2 + b"\x1b$B\x1b(B+AOk-~{<:Ky2;S{#,~}"
    assert isinstance(charsets.decode(everything, charset), str)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UTF-8", "utf_8"), ("utf8", "utf_8"), ("ISO-8859-1", "cp1252"), ("latin1", "cp1252"),
        ("us-ascii", ""), ("gb2312", "gb18030"), ("GBK", "gb18030"), ("ks_c_5601-1987", "cp949"),
        ("Shift_JIS", "cp932"), ("windows-874", "cp874"), ("iso-8859-8-i", "iso8859_8"),
        ("koi8-u", "koi8_u"), ("unknown-8bit", ""), ("idna", None), ("punycode", None),
        ("base64", None), ("zip", None), ("bz2", None), ("rot13", None), ("undefined", None),
        ("unicode_escape", None), ("os.path", None), ("../../x", None), ("mbcs", None),
    ],
)  # fmt: skip
def test_charset_names(charset: str, codec: str | None) -> None:
    assert charsets.codec_of(charset) == codec
