"""A signed zone as the name server holds it, and questions to it."""

from __future__ import annotations

from functools import cache

import dns.message
import dns.name

from mailhub.core import zonemaking
from mailhub.dns import contents
from mailhub.dns.contents import Contents
from mailhub.dns.talk import Talk
from mailhub.model.zone import PublishedZone, Record, Site, Zone, ZoneKey, ZoneState
from mailhub.net import keymaking
from mailhub.wire.slices import finish

HOST = "192.0.2.9"
RECORDS = (
    ("example.org", "NS", "ns1.example.org."),
    ("example.org", "MX", "10 mx.example.org."),
    ("example.org", "TXT", "words"),
    ("ns1.example.org", "A", "192.0.2.1"),
    ("mx.example.org", "A", "192.0.2.2"),
    ("mx.example.org", "AAAA", "2001:db8::2"),
    ("www.example.org", "CNAME", "mx.example.org."),
    ("out.example.org", "CNAME", "mx.example.net."),
    ("lost.example.org", "CNAME", "gone.example.org."),
    ("loop.example.org", "CNAME", "pool.example.org."),
    ("pool.example.org", "CNAME", "loop.example.org."),
    ("*.wild.example.org", "TXT", "star"),
    ("a.b.deep.example.org", "A", "192.0.2.3"),
    ("sub.example.org", "NS", "ns.sub.example.org."),
    ("sub.example.org", "DS", "1 13 2 " + "ab" * 32),
    ("ns.sub.example.org", "A", "192.0.2.4"),
    ("bare.example.org", "NS", "ns.example.net."),
    *(("large.example.org", "TXT", f"{number}" + "x" * 240) for number in range(8)),
)
PAIR = keymaking.make("ecdsa")


@cache
def zone(serial: int = 2026112100, *, signed: bool = True, extra: int = 0) -> Contents:
    """The zone example.org. `extra`: so many names more."""
    records = [Record(name, kind, value, 300) for name, kind, value in RECORDS]
    records += [Record(f"n{one}.example.org", "TXT", "y" * 200, 300) for one in range(extra)]
    state = ZoneState("example.org", serial, "digest", 1_790_000_000)
    whole = Zone("example.org", tuple(records), zonemaking.soa(Site("mx.example.org")), state)
    keys = (ZoneKey("example.org", *PAIR, 0),) if signed else ()
    return finish(contents.build(PublishedZone(whole, keys)))


def talk(*secondaries: str, rate: int = 100_000, signed: bool = True, extra: int = 0) -> Talk:
    """A name server that has the zone."""
    made, held = Talk(rate), zone(signed=signed, extra=extra)
    made.serve({held.origin: held}, secondaries)
    return made


def question(
    name: str, kind: str = "A", *, secure: bool = False, edns: int = 0, payload: int = 1232
) -> dns.message.QueryMessage:
    """`edns` below 0: without an OPT record."""
    return dns.message.make_query(
        name, kind, want_dnssec=secure, use_edns=edns, payload=payload, id=7
    )


def ask(
    name: str, kind: str = "A", *, secure: bool = False, edns: int = 0, payload: int = 1232
) -> dns.message.Message:
    """The answer over UDP, read by dnspython."""
    asked = question(name, kind, secure=secure, edns=edns, payload=payload)
    answer = talk().over_udp(asked.to_wire(), HOST, 0.0)
    read = dns.message.from_wire(answer)
    assert asked.is_response(read)
    assert len(answer) <= max(512, payload if edns >= 0 or secure else 512)
    return read
