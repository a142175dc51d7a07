"""Paths of MAIL and RCPT: what is one, what is none, and what is left of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.smtp import path
from mailhub.smtp.faults import Fault, Refusal

VALID = [
    ("<joe@example.org>", "joe@example.org"),
    ("<joe@localhost>", "joe@localhost"),
    ("<Joe.Q.Public@Example.ORG>", "Joe.Q.Public@Example.ORG"),
    ("<joe+tag@example.org>", "joe+tag@example.org"),
    ("<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~@example.org"),
    ("<1@example.org>", "1@example.org"),
    ("<joe@a-b.example.org>", "joe@a-b.example.org"),
    ("<joe@1.2.3.example>", "joe@1.2.3.example"),
    ("<joe@sub_domain.example>", "joe@sub_domain.example"),
    ("<joe@xn--bcher-kva.example>", "joe@xn--bcher-kva.example"),
    ('<"joe"@example.org>', '"joe"@example.org'),
    ('<"joe q. public"@example.org>', '"joe q. public"@example.org'),
    ('<"joe\\"s"@example.org>', '"joe\\"s"@example.org'),
    ('<"joe\\\\"@example.org>', '"joe\\\\"@example.org'),
    ('<"a@b"@example.org>', '"a@b"@example.org'),
    ('<"<>,:;@[]"@example.org>', '"<>,:;@[]"@example.org'),
    ('<""@example.org>', '""@example.org'),
    ('<" "@example.org>', '" "@example.org'),
    ('<".."@example.org>', '".."@example.org'),
    ("<joe@[192.0.2.1]>", "joe@[192.0.2.1]"),
    ("<joe@[IPv6:2001:db8::1]>", "joe@[IPv6:2001:db8::1]"),
    ("<joe@[ipv6:::1]>", "joe@[ipv6:::1]"),
    ("<@relay.example:joe@example.org>", "joe@example.org"),
    ("<@a.example,@b.example:joe@example.org>", "joe@example.org"),
    ("<" + "l" * 64 + "@example.org>", "l" * 64 + "@example.org"),
    # Return addresses of bulk mail pass 64 octets (VERP, SRS).
    ("<" + "v" * 200 + "@example.org>", "v" * 200 + "@example.org"),
    ("<joe@" + "a" * 63 + ".example>", "joe@" + "a" * 63 + ".example"),
]
INTERNATIONAL = [
    "<jöe@example.org>",
    "<joe@bücher.example>",
    "<用户@例え.テスト>",
    '<"jö e"@example.org>',
    "<δοκιμή@παράδειγμα.δοκιμή>",
]
INVALID = [
    "",
    "joe@example.org",
    "<joe@example.org",
    "<joe>",
    "<@example.org>",
    "<joe@>",
    "< joe@example.org>",
    "<joe@example.org >",
    "<joe @example.org>",
    "<joe@ example.org>",
    "<joe@@example.org>",
    "<joe@a@example.org>",
    "<.joe@example.org>",
    "<joe.@example.org>",
    "<joe..q@example.org>",
    "<joe@.example.org>",
    "<joe@example.org.>",
    "<joe@example..org>",
    "<joe@-example.org>",
    "<joe@example-.org>",
    "<joe@exam ple.org>",
    "<joe@exa!mple.org>",
    "<joe(comment)@example.org>",
    "<joe,jim@example.org>",
    "<joe;jim@example.org>",
    "<joe:jim@example.org>",
    "<joe[1]@example.org>",
    "<joe\\q@example.org>",
    '<joe"q"@example.org>',
    '<"joe@example.org>',
    '<joe"@example.org>',
    '<"joe""q"@example.org>',
    '<"joe\\"@example.org>',
    "<joe@[192.0.2]>",
    "<joe@[192.0.2.256]>",
    "<joe@[192.0.2.01]>",
    "<joe@[192.0.2.1]",
    "<joe@192.0.2.1>",
    "<joe@[2001:db8::1]>",
    "<joe@[IPv6:2001:db8::1%eth0]>",
    "<joe@[IPv6:192.0.2.1]>",
    "<joe@[IPv6:]>",
    "<joe@[x:y]>",
    "<joe@[]>",
    "<<joe@example.org>",
    "<@relay.example:>",
    "<@relay.example joe@example.org>",
    "<@relay.example,joe@example.org>",
    "<relay.example:joe@example.org>",
    "<,@relay.example:joe@example.org>",
    "<" + "l" * 400 + "@example.org>",
    "<joe@" + "a" * 64 + ".example>",
    "<joe@" + "a." * 130 + "example>",
    "<joe@b\u00fc cher.example>",
    "<joe@\u2028.example>",
]


@pytest.mark.parametrize(("text", "address"), VALID)
def test_a_valid_path_gives_its_address(text: str, address: str) -> None:
    assert path.reverse(text, 0, utf8=False) == (address, len(text))
    assert path.forward(text, 0, utf8=False) == (address, len(text))


@pytest.mark.parametrize("text", INTERNATIONAL)
def test_an_internationalized_path_needs_the_extension(text: str) -> None:
    assert path.forward(text, 0, utf8=True) == (text[1:-1], len(text))
    with pytest.raises(Refusal) as caught:
        path.forward(text, 0, utf8=False)
    assert caught.value.fault is Fault.NEEDS_UTF8


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_path_is_refused_in_both_directions(text: str) -> None:
    with pytest.raises(Refusal) as sender:
        path.reverse(text, 0, utf8=True)
    assert sender.value.fault is Fault.BAD_SENDER
    with pytest.raises(Refusal) as recipient:
        path.forward(text, 0, utf8=True)
    assert recipient.value.fault is Fault.BAD_RECIPIENT


def test_the_null_sender_is_no_recipient() -> None:
    assert path.reverse("<> SIZE=1", 0, utf8=False) == ("", 2)
    with pytest.raises(Refusal):
        path.forward("<>", 0, utf8=False)


def test_postmaster_needs_no_domain_as_a_recipient() -> None:
    assert path.forward("<PostMaster>", 0, utf8=False) == ("PostMaster", 12)
    with pytest.raises(Refusal):
        path.reverse("<postmaster>", 0, utf8=False)


def test_a_path_ends_before_its_parameters() -> None:
    text = "FROM:<joe@example.org> SIZE=1"
    assert path.reverse(text, 5, utf8=False) == ("joe@example.org", 22)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text(alphabet='<>@,:."\\[]() abcö01-_', max_size=60))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        address, end = path.reverse(text, 0, utf8=True)
    except Refusal:
        return
    assert text[:end].endswith(address + ">")
    assert not address or path.mailbox(address)


@pytest.mark.parametrize(
    "text",
    [
        "<" + "a." * 5000,
        "<" + "@a," * 5000,
        '<"' + "\\" * 9999,
        "<a@" + "-" * 9999,
        "<a@" + "a-" * 5000 + "!",
        "<" + "a" * 9999 + "@",
        "<@" + "a." * 5000 + ":",
    ],
)
def test_no_path_takes_long_to_refuse(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(Refusal):
        path.reverse(text, 0, utf8=True)
    assert time.thread_time() - began < 0.1
