"""One author, or none: every trick that shows one reader another author than it shows us."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.policy.author import author


def found(block: bytes) -> str:
    return author(block + b"\r\n\r\n").address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (b"joe@example.org", "joe@example.org"),
        (b"<joe@Example.ORG>", "joe@example.org"),
        (b"Joe Sixpack <joe@example.org>", "joe@example.org"),
        (b'"Joe, of Example" <joe@example.org>', "joe@example.org"),
        (b'"joe@other.example" <joe@example.org>', "joe@example.org"),
        (b"joe@example.org (Joe)", "joe@example.org"),
        (b"joe@example.org <JOE@example.org>", "JOE@example.org"),
        (b"Company, Inc. <joe@example.org>", "joe@example.org"),
        (b"Joe @ Company <joe@example.org>", "joe@example.org"),
        (b"Joe@Company <joe@example.org>", "joe@example.org"),
        (b"=?utf-8?q?J=C3=B6e?= <joe@example.org>", "joe@example.org"),
        (b"=?utf-8?q?joe=40other=2Eexample?= <joe@example.org>", "joe@example.org"),
        (b"\r\n Joe\r\n\t<joe@example.org>\r\n", "joe@example.org"),
        (b'"j oe"@example.org', '"j oe"@example.org'),
        ("Jörg <jörg@bücher.example>".encode(), "jörg@xn--bcher-kva.example"),
        (b"J\xf6rg <joe@example.org>", "joe@example.org"),
    ],
)
def test_an_author(value: bytes, address: str) -> None:
    assert found(b"To: x@y.z\r\nFrom: " + value) == address


@pytest.mark.parametrize(
    "block",
    [
        b"To: x@y.z",
        b"From: a@b.example\r\nFrom: c@d.example",
        b"From: a@b.example\r\nFROM: a@b.example",
        b"From: a@b.example\r\nFrom : c@d.example",
        b"From: a@b.example\r\nFr\x00om: c@d.example",
        b"From: a@b.example\r\n\x00From: c@d.example",
        b"From\x00: a@b.example",
        b"From:",
        b"From: ",
        b"From: <>",
        b"From: Joe",
        b"From: a@b.example, c@d.example",
        b"From: a@b.example, a@b.example",
        b"From: <a@b.example>, <c@d.example>",
        b"From: a@b.example <c@d.example>",
        b"From: <a@b.example> <c@d.example>",
        b"From: <a@b.example><c@d.example>",
        b"From: <a@b.example>c@d.example",
        b"From: a@b.example(<c@d.example>)",
        b"From: (<c@d.example>) a@b.example",
        b'From: "a@b.example"@d.example',
        b'From: "<a@b.example>,"@d.example',
        b"From: a@b.example@d.example",
        b"From: <a@b.example@d.example>",
        b"From: <@b.example:a@d.example>",
        b"From: <@b.example,@c.example:a@d.example>",
        b"From: undisclosed:;",
        b"From: group: a@b.example;",
        b"From: group: a@b.example, c@d.example;",
        b"From: =?utf-8?q?=3Ca=40b=2Eexample=3E?= <c@d.example>",
        b"From: =?utf-8?b?YUBiLmV4YW1wbGU+?= <c@d.example>",
        b"From: =?utf-8?b?YUBiLmV4YW1wbGUA?= <c@d.example>",
        b"From: <=?utf-8?q?a=40b.example?=@d.example>",
        b"From: a@b.example\x00@d.example",
        b"From: a@b.example\x0b, c@d.example",
        b"From: a@[192.0.2.1]",
        b"From: a@b..example",
        b"From: a b@c.example@d.example",
        b"From: @b.example",
        b"From: a@b.example;c@d.example",
        b"From: a@b.example, joe@",
        b"From: " + b"x" * 9000 + b" <a@b.example>",
    ],
)
def test_what_names_no_author(block: bytes) -> None:
    with pytest.raises(Invalid):
        found(block)


PIECES = st.sampled_from(
    (
        *(b"From:", b"a@b.example", b"c@d.example", b"<", b">", b'"', b"(", b")", b",", b";", b":"),
        *(b"@", b"\\", b" ", b"\r\n ", b"\r\n", b"\x00", b"\xff", b"=?utf-8?q?=3Ca=40b=3E?=", b"x"),
    )
)


@settings(max_examples=50)
@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_any_octets_name_one_or_none(value: bytes) -> None:
    for block in (b"From: " + value, value):
        try:
            address = found(block)
        except Invalid:
            continue
        assert block.lower().count(b"\nfrom") + block.lower().startswith(b"from") == 1
        assert address.encode() in block.replace(b"\r\n ", b"").replace(b"\\", b"")
