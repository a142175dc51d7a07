"""The milter protocol's packets, as libmilter's constants have them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import milter
from mailhub.wire.milter import Answer, Does, Kind, Packets, Wish


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"c", b"h"]), st.binary(max_size=50)), max_size=5),
    st.integers(1, 40),
)
def test_packets_come_in_any_pieces(sent: list[tuple[bytes, bytes]], step: int) -> None:
    wire = b"".join(milter.packet(*one) for one in sent)
    packets, found = Packets(), []
    for at in range(0, len(wire), step):
        packets.receive(wire[at : at + step])
        while (one := packets.next_packet()) is not None:
            found.append(one)
    assert found == sent


@pytest.mark.parametrize("size", [0, milter.PACKET + 1, 0xFFFFFFFF])
def test_a_packet_has_a_length(size: int) -> None:
    packets = Packets()
    packets.receive(size.to_bytes(4, "big") + b"c")
    with pytest.raises(Invalid):
        packets.next_packet()


def test_the_offer() -> None:
    wire = milter.offer(Does.ADD_HEADERS | Does.QUARANTINE, Wish.SKIP)
    assert wire == b"\x00\x00\x00\x0dO" + struct.pack("!III", 6, 0x21, 0x400)


def test_terms() -> None:
    payload = struct.pack("!III", 6, 0x01, 0x400 | 0x10 | 0x40000000) + b"\0\0\0\0macros\0"
    agreed = milter.terms(payload, Does.ADD_HEADERS, Wish.SKIP | Wish.NO_BODY)
    assert agreed == milter.Terms(6, Does.ADD_HEADERS, Wish.SKIP | Wish.NO_BODY)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        struct.pack("!II", 6, 1),
        struct.pack("!III", 1, 0, 0),
        struct.pack("!III", 7, 0, 0),
        struct.pack("!III", 6, Does.CHANGE_BODY, 0),
    ],
)
def test_terms_that_are_not_ours(payload: bytes) -> None:
    with pytest.raises(Invalid):
        milter.terms(payload, Does.ADD_HEADERS, Wish.SKIP)


@pytest.mark.parametrize(
    ("made", "payload"),
    [
        (milter.connect("mx.example", "192.0.2.1", 25), b"Cmx.example\x004\x00\x19192.0.2.1\0"),
        (milter.connect("[x]", "2001:db8::1", 25), b"C[x]\x006\x00\x19IPv6:2001:db8::1\0"),
        (milter.connect("localhost", "unix", 0), b"Clocalhost\x00L\x00\x00unix\0"),
        (milter.words(b"H", "client.example"), b"Hclient.example\0"),
        (milter.words(b"M", "<a@b.example>", "SIZE=3"), b"M<a@b.example>\0SIZE=3\0"),
        (milter.words(b"R", "<a\0@b>"), b"R<a@b>\0"),
        (milter.macros(b"C", [("j", "mx"), ("v", "")]), b"DCj\0mx\0"),
        (milter.field(b"A", b" b\r\n\tc", leading_space=True), b"LA\0 b\n\tc\0"),
        (milter.field(b"A", b" b\0", leading_space=False), b"LA\0b\0"),
        (milter.packet(b"E"), b"E"),
    ],
)
def test_what_filters_hear(made: bytes, payload: bytes) -> None:
    assert made == len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize(
    ("letter", "payload", "answer"),
    [
        (b"c", b"", Answer(Kind.CONTINUE)),
        (b"r", b"", Answer(Kind.REJECT)),
        (b"y", b"550 5.7.1 No\0", Answer(Kind.REPLY, value=b"550 5.7.1 No")),
        (
            b"y",
            b"550-5.7.1 No\r\n550 5.7.1 never\0",
            Answer(Kind.REPLY, value=b"550 5.7.1 No never"),
        ),
        (b"y", b"450 later\0", Answer(Kind.REPLY, value=b"450 later")),
        (b"y", b"451\0", Answer(Kind.REPLY, value=b"451")),
        (b"h", b"X-A\0b\n c\0", Answer(Kind.ADD_HEADER, b"X-A", b"b\n c")),
        (b"i", b"\0\0\0\x01X-A\0b\0", Answer(Kind.INSERT_HEADER, b"X-A", b"b", 1)),
        (b"m", b"\0\0\0\x02X-A\0\0", Answer(Kind.CHANGE_HEADER, b"X-A", b"", 2)),
        (b"q", b"odd\0", Answer(Kind.QUARANTINE, value=b"odd")),
    ],
)
def test_what_filters_answer(letter: bytes, payload: bytes, answer: Answer) -> None:
    assert milter.answer(letter, payload) == answer


@pytest.mark.parametrize(
    ("letter", "payload"),
    [
        (b"Z", b""),
        (b"y", b"250 fine\0"),
        (b"y", b"550 a\r\n250 b\0"),
        (b"y", b"550 a\r\n551 b\0"),
        (b"y", b"550 a\nb\0"),
        (b"y", b"550 x"),
        (b"h", b"X-A\0b"),
        (b"h", b"X A\0b\0"),
        (b"h", b"X:A\0b\0"),
        (b"h", b"\0b\0"),
        (b"h", b"X-A"),
        (b"i", b"\0\0\0"),
        (b"q", b""),
    ],
)
def test_what_no_filter_may_answer(letter: bytes, payload: bytes) -> None:
    with pytest.raises(Invalid):
        milter.answer(letter, payload)
