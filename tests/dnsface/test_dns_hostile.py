"""Whatever an administrator adds, the zone is built, signed, and answered for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import zonemaking
from mailhub.dns import contents
from mailhub.dns.grammar import PAYLOAD
from mailhub.dns.talk import Talk
from mailhub.model.zone import (
    BadRecord,
    CustomRecord,
    MailDomain,
    PublishedZone,
    Site,
    Zone,
    ZoneKey,
    ZoneState,
)
from mailhub.wire import zonerecord
from mailhub.wire.slices import finish
from tests.dns_packets import HOST, PAIR, question

SITE = Site("mx.example.org", "192.0.2.1", "2001:db8::1")
LABELS = ("a", "b", "*", "mx", "www", "_dmarc", "sub", "ns.sub", "x.y.z", "*.b", "mta-sts", "")
VALUES = {
    "A": ("192.0.2.9", "local"),
    "AAAA": ("2001:db8::9", "local"),
    "CNAME": ("a.example.org", "*.example.org", "example.net", "b.example.org"),
    "NS": ("ns.sub.example.org", "example.net", "a.example.org"),
    "DS": ("1 13 2 " + "ab" * 32,),
    "TXT": ("v=spf1 -all", "x" * 3000, '"\\', "ü"),
    "MX": ("10 a.example.org", "0 ."),
    "SRV": ("0 0 1 .",),
    "CAA": ('0 issue ";"', '128 odd "\\000\\255"'),
    "HTTPS": ("0 a.example.org", "1 . alpn=h2,h3 ipv4hint=192.0.2.7", "65535 . key65000=x"),
    "SVCB": ("1 b.example.org port=53 mandatory=port", "0 ."),
    "NAPTR": ('0 0 "" "" "!^.*$!x!" .', '1 2 "U" "E2U+sip" "" *.example.org'),
    "LOC": ("90 S 180 W -100000m 90000000m", "0 N 0 E 0m"),
    "URI": ('0 65535 "\\"\\\\"',),
    "TLSA": ("255 255 255 00",),
    "SSHFP": ("4 2 " + "cd" * 32,),
    "PTR": ("*.x.y.z.example.org", "."),
    "OPENPGPKEY": ("A" * 4000,),
    "SMIMEA": ("3 0 0 " + "ef" * 700,),
}
ROWS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.sampled_from(LABELS), st.just(kind), st.sampled_from(VALUES[kind]))
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(ROWS, max_size=14))
def test_no_custom_record_breaks_what_is_answered(rows: list[tuple[str, str, str]]) -> None:
    custom = []
    for label, kind, value in rows:
        name = f"{label}.example.org" if label else "example.org"
        try:
            custom.append(CustomRecord(zonerecord.name(name), kind, zonerecord.value(kind, value)))
        except BadRecord:
            continue
    domains = [MailDomain("example.org", True), MailDomain("b.example.org")]
    records = finish(zonemaking.compose("example.org", SITE, domains, custom))
    state = ZoneState("example.org", 1, "digest", 1_790_000_000)
    zone = Zone("example.org", records, zonemaking.soa(SITE), state)
    held = finish(contents.build(PublishedZone(zone, (ZoneKey("example.org", *PAIR, 0),))))
    said = Talk(1_000_000)
    said.serve({held.origin: held}, ())
    names = {one.name for one in records} | {f"none.{one.name}" for one in records}
    for name in names:
        for kind in ("A", "TXT", "DS", "HTTPS", "NSEC", "ANY"):
            asked = question(name, kind, secure=True).to_wire()
            answer = said.over_udp(asked, HOST, 0.0)
            assert 12 < len(answer) <= PAYLOAD
            assert answer[3] & 0xF in (0, 3)
