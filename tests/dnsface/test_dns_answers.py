"""What the name server answers."""

from __future__ import annotations

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from mailhub.wire import dnskey
from tests.dns_packets import PAIR, ask, question, talk

NOW = 1_790_000_000
ORIGIN = dns.name.from_text("example.org")
ROWS = [
    # name, type, code, authoritative, answers, authorities
    ("example.org", "MX", "NOERROR", True, ["MX"], []),
    ("EXAMPLE.org", "TXT", "NOERROR", True, ["TXT"], []),
    ("mx.example.org", "AAAA", "NOERROR", True, ["AAAA"], []),
    ("mx.example.org", "MX", "NOERROR", True, [], ["SOA"]),
    ("none.example.org", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("b.deep.example.org", "A", "NOERROR", True, [], ["SOA"]),
    ("c.deep.example.org", "A", "NXDOMAIN", True, [], ["SOA"]),
    ("www.example.org", "A", "NOERROR", True, ["CNAME", "A"], []),
    ("www.example.org", "CNAME", "NOERROR", True, ["CNAME"], []),
    ("www.example.org", "MX", "NOERROR", True, ["CNAME"], ["SOA"]),
    ("out.example.org", "A", "NOERROR", True, ["CNAME"], []),
    ("lost.example.org", "A", "NXDOMAIN", True, ["CNAME"], ["SOA"]),
    ("x.wild.example.org", "TXT", "NOERROR", True, ["TXT"], []),
    ("x.y.wild.example.org", "TXT", "NOERROR", True, ["TXT"], []),
    ("x.wild.example.org", "A", "NOERROR", True, [], ["SOA"]),
    ("wild.example.org", "TXT", "NOERROR", True, [], ["SOA"]),
    ("sub.example.org", "A", "NOERROR", False, [], ["NS"]),
    ("x.y.sub.example.org", "A", "NOERROR", False, [], ["NS"]),
    ("ns.sub.example.org", "A", "NOERROR", False, [], ["NS"]),
    ("sub.example.org", "DS", "NOERROR", True, ["DS"], []),
    ("bare.example.org", "DS", "NOERROR", True, [], ["SOA"]),
    ("example.org", "ANY", "NOERROR", True, ["SOA"], []),
    ("example.org", "AXFR", "REFUSED", False, [], []),
    ("example.com", "A", "REFUSED", False, [], []),
    ("org", "NS", "REFUSED", False, [], []),
    (".", "NS", "REFUSED", False, [], []),
]


def kinds(section: list[dns.rrset.RRset]) -> list[str]:
    """The types of a section, without proofs."""
    names = [dns.rdatatype.to_text(one.rdtype) for one in section]
    return [name for name in names if name not in ("RRSIG", "NSEC")]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("name", "kind", "code", "own", "answers", "authorities"), ROWS)
def test_what_is_answered(
    name: str, kind: str, code: str, own: bool, answers: list[str], authorities: list[str],
    secure: bool,
) -> None:  # fmt: skip
    read = ask(name, kind, secure=secure)
    assert dns.rcode.to_text(read.rcode()) == code
    assert bool(read.flags & dns.flags.AA) is own
    wanted = [*authorities, "DS"] if secure and "NS" in authorities else authorities
    assert kinds(read.answer) == answers
    assert kinds(read.authority) == wanted
    assert read.flags & dns.flags.RD
    assert not read.flags & (dns.flags.RA | dns.flags.AD | dns.flags.TC)
    if secure and code != "REFUSED":
        verified(read)


def verified(read: dns.message.Message) -> None:
    """Every set that is ours has a signature that holds."""
    keys = {ORIGIN: dns.rrset.from_rdata(ORIGIN, 300, dnskey.record(PAIR[1]))}
    signatures = {
        (one.name, one.covers): one
        for one in (*read.answer, *read.authority)
        if one.rdtype == dns.rdatatype.RRSIG
    }
    for one in (*read.answer, *read.authority):
        if one.rdtype == dns.rdatatype.RRSIG:
            continue
        if one.rdtype == dns.rdatatype.NS and not read.flags & dns.flags.AA:
            assert (one.name, one.rdtype) not in signatures
            continue
        dns.dnssec.validate(one, signatures[one.name, one.rdtype], keys, now=NOW)


def proofs(name: str, kind: str) -> set[str]:
    """Owners of the NSEC records of an answer."""
    read = ask(name, kind, secure=True)
    return {
        one.name.to_text(omit_final_dot=True)
        for one in read.authority
        if one.rdtype == dns.rdatatype.NSEC
    }


def test_what_is_not_there_is_proven() -> None:
    assert proofs("none.example.org", "A") == {"mx.example.org", "example.org"}
    assert proofs("mx.example.org", "MX") == {"mx.example.org"}
    assert proofs("b.deep.example.org", "A") == {"bare.example.org"}
    assert proofs("x.wild.example.org", "TXT") == {"*.wild.example.org"}
    assert proofs("x.wild.example.org", "A") == {"*.wild.example.org"}
    assert proofs("bare.example.org", "DS") == {"bare.example.org"}
    assert proofs("x.bare.example.org", "A") == {"bare.example.org"}
    assert proofs("zz.example.org", "A") == {"www.example.org", "example.org"}


def test_a_referral_says_where_to_go_on() -> None:
    read = ask("x.sub.example.org")
    glue = [(one.name.to_text(), one[0].to_text()) for one in read.additional]
    assert glue == [("ns.sub.example.org.", "192.0.2.4")]


def test_circles_end() -> None:
    assert len(ask("loop.example.org").answer) == 2


def test_negative_answers_last_as_long_as_the_zone_says() -> None:
    assert ask("none.example.org").authority[0].ttl == 86400


def test_large_answers_go_over_tcp() -> None:
    for edns, payload in ((-1, 0), (0, 600), (0, 65535)):
        read = ask("large.example.org", "TXT", edns=edns, payload=payload)
        assert read.flags & dns.flags.TC
        assert not read.answer
        assert (read.edns >= 0) is (edns >= 0)
    asked = question("large.example.org", "TXT")
    whole = dns.message.from_wire(next(iter(talk().over_tcp(asked.to_wire(), "192.0.2.9"))))
    assert len(whole.answer[0]) == 8
    assert not whole.flags & dns.flags.TC


def test_the_question_comes_back_as_it_was_written() -> None:
    asked = question("MX.eXaMpLe.ORG").to_wire()
    assert b"\x02MX\x07eXaMpLe\x03ORG\0" in talk().over_udp(asked, "192.0.2.9", 0.0)


def test_unsigned_zones_have_no_signatures() -> None:
    asked = question("none.example.org", secure=True).to_wire()
    read = dns.message.from_wire(talk(signed=False).over_udp(asked, "192.0.2.9", 0.0))
    assert [one.rdtype for one in read.authority] == [dns.rdatatype.SOA]
