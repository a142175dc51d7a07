"""Packets that come: readable or not, nothing is raised."""

from __future__ import annotations

import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.dns.framing import LARGEST, Framing, framed
from mailhub.dns.limits import Limits, Verdict
from mailhub.model.errors import TooLarge
from tests.dns_packets import question, talk

HOST = "192.0.2.9"
GOOD = question("mx.example.org", secure=True).to_wire()


def code(data: bytes) -> str:
    """The code that is answered over UDP; empty: nothing is."""
    answer = talk().over_udp(data, HOST, 0.0)
    return dns.rcode.to_text(dns.message.from_wire(answer).rcode()) if answer else ""


def changed(at: int, value: int, data: bytes = GOOD) -> bytes:
    """One octet is another."""
    return data[:at] + bytes((value,)) + data[at + 1 :]


OPT = GOOD[-11:]
ODD = [
    (b"", ""),
    (GOOD[:11], ""),
    (changed(2, 0x80), ""),
    (changed(2, 0x20), "NOTIMP"),
    (changed(2, 0x28), "NOTIMP"),
    (changed(5, 0), "FORMERR"),
    (changed(5, 2), "FORMERR"),
    (changed(7, 1), "FORMERR"),
    (changed(12, 0xC0), "FORMERR"),
    (changed(12, 64), "FORMERR"),
    (GOOD[:-1], "FORMERR"),
    (GOOD + b"\0", "FORMERR"),
    (GOOD[:20], "FORMERR"),
    (changed(11, 2, GOOD + OPT), "FORMERR"),
    (changed(len(GOOD) - 5, 1), "BADVERS"),
    (GOOD.replace(b"\0\1\0\1\0\0\x29", b"\0\1\0\3\0\0\x29"), "REFUSED"),
    (GOOD, "NOERROR"),
]


@pytest.mark.parametrize(("data", "wanted"), ODD)
def test_odd_packets(data: bytes, wanted: str) -> None:
    assert code(data) == wanted


def test_a_version_that_is_asked_for_is_not_told() -> None:
    asked = dns.message.make_query("version.bind", "TXT", "CH")
    assert code(asked.to_wire()) == "REFUSED"


def test_the_longest_name() -> None:
    labels = b"\x3f" + b"a" * 63
    fits = labels * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert len(fits) == 255
    head, tail = GOOD[:12], b"\0\1\0\1" + OPT
    assert code(head + fits + tail) == "REFUSED"
    assert code(head + labels * 3 + b"\x3e" + b"a" * 62 + b"\0" + tail) == "FORMERR"


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=80))
def test_noise_raises_nothing(data: bytes) -> None:
    said = talk("192.0.2.0/24")
    said.over_udp(data, HOST, 0.0)
    list(said.over_tcp(data, HOST))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6))
def test_damaged_questions_raise_nothing(damage: list[tuple[int, int]]) -> None:
    data = GOOD
    for at, value in damage:
        data = changed(at, value, data)
    answer = talk().over_udp(data, HOST, 0.0)
    if answer:
        dns.message.from_wire(answer)
        assert len(answer) <= 1232


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.binary(max_size=60), max_size=5), st.data())
def test_every_split_of_a_stream(packets: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(framed, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framing, found = Framing(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framing.receive(stream[start:end])
    assert found == packets


def test_what_is_no_question_ends_a_stream() -> None:
    assert Framing().receive(framed(b"x" * LARGEST)) == [b"x" * LARGEST]
    with pytest.raises(TooLarge):
        Framing().receive((LARGEST + 1).to_bytes(2))


def test_who_asks_too_often_is_sent_to_tcp() -> None:
    limits = Limits(10)
    judged = [limits.judge(HOST, b"a", 0.0) for _ in range(24)]
    assert judged[:20] == [Verdict.SEND] * 20
    assert judged[20:] == [Verdict.HINT, Verdict.NOTHING] * 2
    assert limits.judge("192.0.2.200", b"a", 0.0) is not Verdict.SEND
    assert limits.judge("192.0.3.1", b"a", 0.0) is Verdict.SEND
    assert limits.judge(HOST, b"b", 0.0) is Verdict.SEND
    assert limits.judge(HOST, b"a", 1.0) is Verdict.SEND
    assert limits.judge("2001:db8::1", b"a", 0.0) is Verdict.SEND


def test_an_answer_over_udp_is_never_much_longer_than_a_hint_for_who_floods() -> None:
    said = talk(rate=1)
    sent = [said.over_udp(GOOD, HOST, 0.0) for _ in range(40)]
    assert [len(one) <= len(GOOD) for one in sent[2:]] == [True] * 38
    assert sent.count(b"") == 19
    assert dns.message.from_wire(sent[2]).flags & 0x0200
