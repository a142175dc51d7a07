"""Whatever comes over UDP or TCP: nothing is raised, and no answer is longer than was asked for."""

from __future__ import annotations

from functools import cache

import dns.edns
import dns.message
import dns.tsig
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailhub.dns.grammar import PAYLOAD, PLAIN
from mailhub.dns.sealing import Sealing
from mailhub.dns.talk import Talk
from tests.dns_packets import HOST, RECORDS, question, zone

KEY = dns.tsig.Key("shared.example", b"k" * 32, "hmac-sha256")
NAMES = [name for name, _, _ in RECORDS] + ["none.example.org", "x.wild.example.org", "other.test"]
KINDS = ["A", "TXT", "MX", "SOA", "ANY", "DS", "RRSIG", "NSEC", "DNSKEY", "AXFR", "IXFR", "TYPE999"]


def talk() -> Talk:
    """A name server with a key, to whose host zones may go."""
    made, held = Talk(1_000_000, b"s" * 32, Sealing(KEY, lambda: 1_790_000_000.0)), zone()
    made.serve({held.origin: held}, [HOST])
    return made


@cache
def good(which: int) -> bytes:
    """A packet of each kind."""
    asked = question("mx.example.org", "A", secure=which == 1, edns=-1 if which == 0 else 0)
    if which == 2:
        asked.use_edns(0, payload=512, options=[dns.edns.GenericOption(10, b"c" * 24)])
    if which == 3:
        asked.use_tsig(KEY)
    return asked.to_wire()


def said(packet: bytes) -> list[bytes]:
    """All that is sent for it, over UDP and, the first of it, over TCP."""
    here = talk()
    once, again = here.over_udp(packet, HOST, 0.0), here.over_udp(packet, HOST, 0.0)
    assert len(once) == len(again)
    first = next(iter(here.over_tcp(packet, HOST, 0.0)), b"")
    assert len(once) <= PAYLOAD
    return [one for one in (once, first) if one]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=120))
@example(b"")
@example(b"\0" * 12)
def test_noise(data: bytes) -> None:
    for answer in said(data):
        assert answer[:2] == data[:2]
        assert answer[2] & 0x80


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 180), st.integers(0, 255)), max_size=6),
    st.integers(0, 200),
)
def test_damage(which: int, damage: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(good(which))
    for at, value in damage:
        data[at % len(data)] = value
    for answer in said(bytes(data[: max(cut, 4)])):
        assert answer[2] & 0x80


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(KINDS),
    st.booleans(),
    st.integers(-1, 0),
    st.integers(0, 5000),
    st.binary(min_size=8, max_size=8),
)
def test_answers_over_udp_are_no_longer_than_asked_for(
    name: str, kind: str, secure: bool, edns: int, payload: int, cookie: bytes
) -> None:
    here = talk()
    asked = question(name, kind, secure=secure, edns=edns, payload=payload)
    packets = [asked.to_wire()]
    if edns == 0:
        asked.use_edns(0, 0x8000 * secure, payload, options=[dns.edns.GenericOption(10, cookie)])
        packets.append(asked.to_wire())
    limit = min(max(payload, PLAIN), PAYLOAD) if asked.edns >= 0 else PLAIN
    for packet in packets * 2:  # at first, and as it is remembered
        answer = here.over_udp(packet, HOST, 0.0)
        assert 12 <= len(answer) <= limit
        read = dns.message.from_wire(answer, one_rr_per_rrset=True)
        assert read.question == asked.question
        assert read.id == asked.id
