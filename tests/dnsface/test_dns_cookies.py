"""Who shows a cookie of ours has the address that it asks from (RFC 7873)."""

from __future__ import annotations

import dns.edns
import dns.message
import pytest

from mailhub.dns.cookies import OLDEST, RENEWED, Cookies
from mailhub.dns.talk import Talk
from tests.dns_packets import HOST, question, zone

CLIENT = b"client-8"


def talk(rate: int = 1) -> Talk:
    """A name server that has the zone."""
    made, held = Talk(rate, b"s" * 32), zone()
    made.serve({held.origin: held}, ())
    return made


def asked(cookie: bytes, name: str = "mx.example.org") -> bytes:
    """A question with that option."""
    made = question(name)
    made.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, cookie)])
    return made.to_wire()


def given(packet: bytes) -> bytes:
    """The option of an answer."""
    (option,) = dns.message.from_wire(packet).options
    data: bytes = option.to_wire()
    return data


def test_a_cookie_is_given_and_shown_again() -> None:
    said = talk()
    cookie = given(said.over_udp(asked(CLIENT), HOST, 0.0))
    assert (len(cookie), cookie[:8]) == (24, CLIENT)
    assert given(said.over_udp(asked(cookie), HOST, RENEWED)) == cookie
    assert given(said.over_udp(asked(cookie), HOST, RENEWED + 1)) != cookie
    (packet,) = said.over_tcp(asked(cookie), HOST, 1.0)
    assert given(packet) == cookie


def test_who_shows_one_is_never_sent_to_tcp() -> None:
    said = talk()
    cookie = given(said.over_udp(asked(CLIENT), HOST, 0.0))
    for _ in range(20):
        assert dns.message.from_wire(said.over_udp(asked(cookie), HOST, 1.0)).answer
    without = [said.over_udp(asked(CLIENT), HOST, 1.0) for _ in range(20)]
    assert without.count(b"") >= 9


@pytest.mark.parametrize("at", range(8, 24))
def test_none_can_be_made_up(at: int) -> None:
    cookies = Cookies(b"s" * 32)
    _, option = cookies.judge(CLIENT, HOST, 100.0)
    good = option[4:]
    assert cookies.judge(good, HOST, 100.0) == (True, option)
    assert not cookies.judge(good, "192.0.2.10", 100.0)[0]
    assert not cookies.judge(good, HOST, 101.0 + OLDEST)[0]
    assert not Cookies(b"t" * 32).judge(good, HOST, 100.0)[0]
    bad = good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :]
    assert not cookies.judge(bad, HOST, 100.0)[0]
    assert not cookies.judge(b"x" + good[1:], HOST, 100.0)[0]


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 41])
def test_what_cannot_be_a_cookie_is_no_question(size: int) -> None:
    read = dns.message.from_wire(talk().over_udp(asked(b"x" * size), HOST, 0.0))
    assert read.rcode() == 1


def test_one_may_ask_for_a_cookie_alone() -> None:
    whole = asked(CLIENT)
    alone = whole[:4] + b"\0\0" + whole[6:12] + whole[12 + len(b"\2mx\7example\3org\0") + 4 :]
    packet = talk().over_udp(alone, HOST, 0.0)
    assert dns.message.from_wire(packet).question == []
    assert given(packet)[:8] == CLIENT
    none = question("mx.example.org").to_wire()
    bare = none[:4] + b"\0\0" + none[6:12] + none[12 + len(b"\2mx\7example\3org\0") + 4 :]
    assert dns.message.from_wire(talk().over_udp(bare, HOST, 0.0)).rcode() == 1
