"""DNS packets: what is sent, what counts as an answer, and what any bytes do."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Unavailable
from mailhub.net.resolver.cache import Cache
from mailhub.net.resolver.codec import (
    LONGEST_NEGATIVE,
    LONGEST_TTL,
    UNDATED_NEGATIVE,
    Question,
    answers,
    decode,
    is_truncated,
)
from tests.fakes import FakeClock

ASKED = Question("mx.example.org", "A", 0x1234)


def response(*records: str, authority: str = "", rcode: int = 0, flags: int = 0) -> bytes:
    query = dns.message.from_wire(ASKED.encode())
    message = dns.message.make_response(query, recursion_available=True)
    for record in records:
        message.answer.append(rrset(record))
    if authority:
        message.authority.append(rrset(authority))
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.flags |= flags
    return message.to_wire()


def rrset(text: str) -> dns.rrset.RRset:
    name, ttl, rdclass, rdtype, data = text.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), rdclass, rdtype, data)


A = "mx.example.org. 60 IN A 192.0.2.1"


def test_a_question_reads_as_dnspython_reads_it() -> None:
    message = dns.message.from_wire(ASKED.encode())
    assert message.id == 0x1234
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert message.payload == 1232
    assert message.ednsflags == 0
    assert str(message.question[0]) == "mx.example.org. IN A"
    plain = dns.message.from_wire(Question(".", "NS", 1, edns=False).encode())
    assert plain.edns == -1
    assert str(plain.question[0]) == ". IN NS"


def test_only_a_response_to_this_question_answers() -> None:
    data = response(A)
    assert answers(data, ASKED)
    assert answers(data.replace(b"\x02mx\x07example", b"\x02MX\x07eXample"), ASKED)
    for other in (
        b"",
        data[:11],
        ASKED.encode(),
        b"\x12\x35" + data[2:],
        data[:2] + bytes((data[2] | 0x08,)) + data[3:],
        data[:4] + b"\0\2" + data[6:],
        data.replace(b"\x02mx\x07example", b"\x02my\x07example"),
        data[:28] + b"\0\x1c" + data[30:],
        data[:20],
    ):
        assert not answers(other, ASKED)
    # RFC 1035 4.1.1: a server that could not read the question cannot repeat it.
    assert answers(b"\x12\x34\x80\x81" + bytes(8), ASKED)
    assert not answers(b"\x12\x34\x80\x80" + bytes(8), ASKED)


def test_truncation_is_seen() -> None:
    assert not is_truncated(response(A))
    assert is_truncated(response(A, flags=dns.flags.TC))


@pytest.mark.parametrize(
    ("authority", "ttl"),
    [
        ("", UNDATED_NEGATIVE),
        ("example.org. 300 IN SOA ns. host. 1 2 3 4 60", 60),
        ("example.org. 30 IN SOA ns. host. 1 2 3 4 60", 30),
        ("example.org. 99999 IN SOA ns. host. 1 2 3 4 99999", LONGEST_NEGATIVE),
    ],
)
def test_how_long_absence_is_remembered(authority: str, ttl: int) -> None:
    missing = decode(response(authority=authority, rcode=3), ASKED, trusted=True)
    assert (missing.answer, missing.ttl) == (None, ttl)
    empty = decode(response(authority=authority), ASKED, trusted=True)
    assert empty.answer is not None
    assert (empty.answer.records, empty.ttl) == ((), ttl)


def test_how_long_records_are_remembered() -> None:
    assert decode(response(A), ASKED, trusted=False).ttl == 60
    alias = "mx.example.org. 9 IN CNAME host.example.org."
    chained = response(alias, "host.example.org. 60 IN A 192.0.2.1")
    assert decode(chained, ASKED, trusted=False).ttl == 9
    forever = "mx.example.org. 2147483647 IN A 192.0.2.1"
    assert decode(response(forever), ASKED, trusted=False).ttl == LONGEST_TTL


def test_records_of_other_names_are_not_taken() -> None:
    stray = response("other.example. 60 IN A 192.0.2.66", A)
    found = decode(stray, ASKED, trusted=False).answer
    assert found is not None
    assert found.records == ("192.0.2.1",)
    only_stray = decode(response("other.example. 60 IN A 192.0.2.66"), ASKED, trusted=False)
    assert only_stray.answer is not None
    assert only_stray.answer.records == ()


def test_authentic_needs_the_bit_and_trust() -> None:
    signed = response(A, flags=dns.flags.AD)
    found = [
        decode(data, ASKED, trusted=trusted).answer
        for data in (signed, response(A))
        for trusted in (True, False)
    ]
    assert [one is not None and one.authentic for one in found] == [True, False, False, False]


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_question(rest: bytes) -> None:
    head = response(A)[: 12 + len(ASKED.section())]
    for counts in (b"\0\1\0\0\0\0", b"\0\0\0\1\0\1", b"\xff\xff\xff\xff\xff\xff"):
        data = head[:6] + counts + head[12:] + rest
        assert answers(data, ASKED)
        try:
            decode(data, ASKED, trusted=True)
        except Unavailable:
            continue


def test_the_cache_is_bounded_and_forgets() -> None:
    clock = FakeClock()
    cache = Cache(2, clock.seconds)
    one, two, three = ("one", "A"), ("two", "A"), ("three", "A")
    cache.put(one, None, 10)
    cache.put(two, None, 20)
    assert cache.get(one) is not None
    cache.put(three, None, 20)
    assert cache.get(two) is None
    assert len(cache) == 2
    clock.advance(10)
    assert cache.get(one) is None
    assert cache.get(three) is not None
    cache.put(two, None, 0)
    assert cache.get(two) is None
    cache.clear()
    assert len(cache) == 0
    nothing = Cache(0, clock.seconds)
    nothing.put(one, None, 10)
    assert nothing.get(one) is None
