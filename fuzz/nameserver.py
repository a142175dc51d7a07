"""Packets of any bytes, at the name server and at its streams."""

from __future__ import annotations

from collections.abc import Iterator

import dns.message

from mailhub.dns.framing import LARGEST, Framing, framed
from mailhub.dns.grammar import PAYLOAD
from mailhub.model.errors import TooLarge
from tests.dns_packets import HOST, RECORDS, question, talk

KINDS = ("A", "NS", "CNAME", "SOA", "MX", "TXT", "DS", "NSEC", "ANY", "AXFR", "IXFR")
WORDS = (
    *(b"\7example\3org\0", b"\1*", b"\4wild", b"\3sub", b"\3www", b"\0", b"\xc0\x0c", b"\x3f"),
    *(b"\0\0\x29\x10\0\0\0\x80\0\0\0", b"\0\0\x29\x02\0\0\1\0\0\0\0", b"\0\1\0\1", b"\0\xff"),
    *(b"\0\xfc\0\1", b"\0\xfb\0\1", b"\0\6\0\1", b"\x80", b"\xff\xff", b"version\4bind\0"),
)


def seeds() -> Iterator[bytes]:
    """Questions for every name and several types, with signatures and without."""
    names = dict.fromkeys(name for name, _, _ in RECORDS)
    for name in (*names, "x.wild.example.org", "none.example.org", "x.sub.example.org", "other."):
        for number, kind in enumerate(KINDS):
            yield bytes((number,)) + question(name, kind, secure=bool(number % 2)).to_wire()


def one(data: bytes) -> None:
    """The first byte: whether the asker is a secondary, and where the stream is cut."""
    first, packet = data[:1] or b"\0", data[1:]
    said = talk("192.0.2.0/24") if first[0] & 1 else talk()
    answer = said.over_udp(packet, HOST, 0.0)
    if answer:
        check(packet, answer)
        assert len(answer) <= PAYLOAD, "too long for UDP"
    for answer in said.over_tcp(packet, HOST):
        check(packet, answer)
    if len(packet) <= LARGEST:
        cut = first[0] % (len(packet) + 2)
        framing, stream = Framing(), framed(packet)
        found = framing.receive(stream[:cut]) + framing.receive(stream[cut:])
        assert found == [packet], "the cut makes a difference"
    try:
        Framing().receive(packet)
    except TooLarge:
        return


def check(packet: bytes, answer: bytes) -> None:
    """A response to this packet, which others can read."""
    assert answer[:2] == packet[:2], "an answer to something else"
    assert answer[2] & 0x80, "no response"
    read = dns.message.from_wire(answer, xfr=True)
    if read.question:
        asked = answer[12 : 12 + len(read.question[0].name.to_wire() or b"")]
        assert packet[12:].startswith(asked), "another question"
