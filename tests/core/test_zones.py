"""Zones: what they say, what administrators may add, and when they are new."""

from __future__ import annotations

from collections.abc import Sequence

import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import zonemaking
from mailhub.core.secondaries import Allowed
from mailhub.core.zones import RENEWED
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.zone import (
    BadRecord,
    CustomRecord,
    MailDomain,
    Record,
    RecordFault,
    Site,
    Zone,
    ZoneState,
)
from mailhub.wire import zonerecord
from mailhub.wire.slices import finish
from tests.support import run
from tests.world import ACTOR
from tests.zoned import place

HOST = "mx.example.org"
SITE = Site(
    HOST,
    "192.0.2.1",
    "2001:db8::1",
    fingerprint="ab" * 32,
    host_keys=("4 2 " + "cd" * 32,),
    services=(("_imaps._tcp", 993),),
    calendars="cloud.example.org",
    reports="reports@example.org",
    domains=("example.org", "example.net"),
)


def said(records: Sequence[Record], name: str) -> list[str]:
    """The records of a name as type and value."""
    return [f"{one.kind} {one.value}" for one in records if one.name == name]


def made(*custom: CustomRecord, domain: MailDomain | None = None) -> Sequence[Record]:
    """The zone example.org with these custom records."""
    mail = domain or MailDomain("example.org", True)
    return finish(zonemaking.compose("example.org", SITE, [mail], custom))


def test_a_mail_domain_has_all_that_mail_needs() -> None:
    domain = MailDomain(
        "example.org", True, (("m._domainkey.example.org", "v=DKIM1; k=rsa; p=x"),), "0123"
    )
    records = made(domain=domain)
    assert said(records, "example.org") == [
        "NS ns1.mx.example.org.",
        "NS ns2.mx.example.org.",
        "A 192.0.2.1",
        "AAAA 2001:db8::1",
        "MX 10 mx.example.org.",
        "TXT v=spf1 mx -all",
    ]
    assert said(records, "m._domainkey.example.org") == ["TXT v=DKIM1; k=rsa; p=x"]
    assert said(records, "_dmarc.example.org") == [
        "TXT v=DMARC1; p=quarantine; rua=mailto:reports@example.org;"
    ]
    assert said(records, "_mta-sts.example.org") == ["TXT v=STSv1; id=0123"]
    assert said(records, "_smtp._tls.example.org") == [
        "TXT v=TLSRPTv1; rua=mailto:reports@example.org"
    ]
    assert said(records, "example.net._report._dmarc.example.org") == ["TXT v=DMARC1;"]
    assert said(records, "_imaps._tcp.example.org") == ["SRV 0 1 993 mx.example.org."]
    assert said(records, "_caldavs._tcp.example.org") == ["SRV 0 0 443 cloud.example.org."]
    assert said(records, "_25._tcp.mx.example.org") == ["TLSA 3 1 1 " + "ab" * 32]
    assert "SSHFP 4 2 " + "cd" * 32 in said(records, HOST)
    for name in ("www", "mta-sts", "autoconfig", "autodiscover"):
        assert said(records, f"{name}.example.org") == [
            "A 192.0.2.1",
            "AAAA 2001:db8::1",
            "MX 0 .",
            "TXT v=spf1 -all",
        ]
        assert said(records, f"_dmarc.{name}.example.org") == ["TXT v=DMARC1; p=reject;"]
    assert all(one.why.startswith(("Required.", "Recommended.", "Optional.")) for one in records)


def custom(name: str, kind: str, value: str) -> CustomRecord:
    """One as it would be stored."""
    where = f"{name}.example.org" if name else "example.org"
    return CustomRecord(where, kind, zonerecord.value(kind, value))


OVERRIDES = [
    ([custom("www", "A", "192.0.2.9")], "www", {"A 192.0.2.9", "MX 0 .", "TXT v=spf1 -all"}),
    ([custom("www", "CNAME", "x.example.net")], "www", {"CNAME x.example.net."}),
    ([custom("_dmarc", "CNAME", "d.example.net")], "_dmarc", {"CNAME d.example.net."}),
    (
        [custom("www", "A", "local")],
        "www",
        {"A 192.0.2.1", "AAAA 2001:db8::1", "MX 0 .", "TXT v=spf1 -all"},
    ),
    ([custom("_dmarc", "TXT", "v=DMARC1; p=none")], "_dmarc", {"TXT v=DMARC1; p=none"}),
    ([custom("sub", "NS", "ns.example.net"), custom("sub", "A", "192.0.2.3")], "sub", {
        "NS ns.example.net."
    }),
    ([custom("sub", "NS", "ns.sub.example.org"), custom("ns.sub", "A", "192.0.2.3")], "ns.sub", {
        "A 192.0.2.3"
    }),
    ([custom("sub", "NS", "ns.example.net"), custom("a.sub", "TXT", "x")], "a.sub", set()),
    ([custom("x", "DS", "1 13 2 " + "ab" * 32)], "x", set()),
    ([custom("mx", "A", "192.0.2.66")], "mx", {
        "A 192.0.2.1", "AAAA 2001:db8::1", "MX 10 mx.example.org.", "TXT v=spf1 mx -all",
        "SSHFP 4 2 " + "cd" * 32,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "name", "wanted"), OVERRIDES)
def test_custom_records_come_first(given_: list[CustomRecord], name: str, wanted: set[str]) -> None:
    assert set(said(made(*given_), f"{name}.example.org")) == wanted


def test_texts_stand_beside_each_other_and_mx_by_priority() -> None:
    records = made(custom("", "TXT", "proof=1"), custom("", "MX", "20 backup.example.net"))
    assert set(said(records, "example.org")) >= {
        "TXT proof=1",
        "TXT v=spf1 mx -all",
        "MX 10 mx.example.org.",
        "MX 20 backup.example.net.",
    }
    assert len({one.ttl for one in records if one.name == "example.org" and one.kind == "MX"}) == 1
    elsewhere = made(custom("", "MX", "10 other.example.net"), custom("", "TXT", "V=SPF1 a -all"))
    assert said(elsewhere, "example.org")[4:] == ["MX 10 other.example.net.", "TXT V=SPF1 a -all"]
    policy = MailDomain("example.org", policy="0123")
    assert not said(made(custom("", "MX", "10 x.example.net"), domain=policy), "_mta-sts")


def test_zones_are_the_topmost_names() -> None:
    names = ["example.org", "a.example.org", "example.net", "b.a.test", "a.test"]
    assert zonemaking.zone_names(SITE, names) == ["a.test", "example.net", "example.org"]
    assert zonemaking.zone_names(SITE, []) == [HOST]


REFUSED = [
    ("other.test", "A", "192.0.2.1", RecordFault.FOREIGN),
    ("notexample.org", "A", "192.0.2.1", RecordFault.FOREIGN),
    ("a b.example.org", "A", "192.0.2.1", RecordFault.NAME),
    ("-a.example.org", "A", "192.0.2.1", RecordFault.NAME),
    ("a.*.example.org", "A", "192.0.2.1", RecordFault.NAME),
    ("x.example.org", "A", " ", RecordFault.MISSING),
    ("x.example.org", "A", "::1", RecordFault.IPV6),
    ("x.example.org", "AAAA", "192.0.2.1", RecordFault.IPV4),
    ("x.example.org", "A", "x", RecordFault.ADDRESS),
    ("x.example.org", "BOGUS", "x", RecordFault.KIND),
    ("x.example.org", "SOA", "x", RecordFault.KIND),
    ("x.example.org", "MX", "mail.example.org", RecordFault.VALUE),
    ("x.example.org", "MX", "10 a\n.", RecordFault.VALUE),
    ("x.example.org", "SRV", "0 1 99999 a.", RecordFault.VALUE),
    ("x.example.org", "CAA", "0 issue", RecordFault.VALUE),
    ("x.example.org", "SSHFP", "4 2 zz", RecordFault.VALUE),
    ("x.example.org", "CNAME", "a b", RecordFault.VALUE),
    ("x.example.org", "TXT", "a\nb", RecordFault.VALUE),
    ("x.example.org", "TXT", "x" * 5000, RecordFault.VALUE),
    ("example.org", "NS", "ns.example.net", RecordFault.APEX),
    ("*.example.org", "NS", "ns.example.net", RecordFault.NAME),
    ("example.org", "CNAME", "a.example.net", RecordFault.CONFLICT),
    ("mx.example.org", "CNAME", "a.example.net", RecordFault.CONFLICT),
    ("taken.example.org", "CNAME", "a.example.net", RecordFault.CONFLICT),
    ("alias.example.org", "A", "192.0.2.1", RecordFault.CONFLICT),
    ("alias.example.org", "CNAME", "second.example.net", RecordFault.CONFLICT),
]


def test_what_may_be_added() -> None:
    here = place()
    assert run(here.zones.add("taken.example.org", "txt", "words", ACTOR)) == ["example.org"]
    assert run(here.zones.add("Alias.Example.org.", "cname", "a.example.net", ACTOR))
    for name, kind, value, fault in REFUSED:
        with pytest.raises(BadRecord) as caught:
            run(here.zones.add(name, kind, value, ACTOR))
        assert caught.value.fault is fault, (name, kind, value)
    assert [one.value for one in run(here.zones.custom("alias.example.org"))] == ["a.example.net."]


def test_custom_records_are_added_replaced_and_removed() -> None:
    zones = place().zones
    name = "x.example.org"
    assert run(zones.add(name, "A", "192.0.2.5", ACTOR)) == ["example.org"]
    assert run(zones.add(name, "A", "192.0.2.5", ACTOR)) == []
    assert run(zones.add(name, "A", "192.0.2.6", ACTOR)) == ["example.org"]
    assert run(zones.replace(name, "A", "192.0.2.7", ACTOR)) == ["example.org"]
    assert [one.value for one in run(zones.custom(name, "a"))] == ["192.0.2.7"]
    assert run(zones.remove(name, "A", "192.0.2.5", ACTOR)) == []
    assert run(zones.remove(name, "A", "", ACTOR)) == ["example.org"]
    assert run(zones.remove(name, "A", "", ACTOR)) == []
    assert run(zones.add(name, "CNAME", "Target.Example.net", ACTOR))
    assert run(zones.remove(name, "CNAME", "target.example.net", ACTOR)) == ["example.org"]
    with pytest.raises(BadRecord):
        run(zones.remove("other.test", "A", "", ACTOR))


def test_names_are_internationalised() -> None:
    here = place()
    run(here.world.domains.ensure("bücher.example", ACTOR))
    run(here.zones.update(ACTOR))
    assert run(here.zones.add("www.Bücher.example", "A", "192.0.2.5", ACTOR)) == [
        "xn--bcher-kva.example"
    ]
    assert run(here.zones.custom())[0].name == "www.xn--bcher-kva.example"


def test_serials_move_only_with_content() -> None:
    here = place(sign=True)
    assert run(here.zones.update(ACTOR)) == ["example.org"]
    first = run(here.zones.get("example.org")).state
    assert str(first.serial).endswith("00")
    assert run(here.zones.update(ACTOR)) == []
    assert run(here.zones.update(ACTOR, force=True)) == ["example.org"]
    run(here.world.domains.ensure("example.net", ACTOR))
    assert run(here.zones.update(ACTOR)) == ["example.net"]
    assert run(here.zones.get("example.org")).state.serial == first.serial + 1
    here.world.clock.advance(RENEWED)
    assert run(here.zones.update(ACTOR)) == ["example.net", "example.org"]
    renewed = run(here.zones.get("example.org")).state
    assert renewed.serial > first.serial + 1
    assert first.signed < renewed.signed <= here.world.clock.now() < renewed.signed + RENEWED
    published = run(here.zones.published())
    assert [one.zone.state for one in published][1] == renewed
    assert all(len(one.keys) == 1 for one in published)
    ds = run(here.zones.ds("example.org"))
    assert [text.split()[1:3] for text in ds] == [["13", "2"], ["13", "4"]]
    with pytest.raises(NotFound):
        run(here.zones.ds("other.test"))


def test_a_policy_is_announced_once_its_certificates_are_valid() -> None:
    here = place()
    name = "_mta-sts.example.org"
    assert not said(run(here.zones.get("example.org")).records, name)
    here.facts.valid |= {HOST, "mta-sts.example.org"}
    records = run(here.zones.get("example.org")).records
    assert said(records, name)[0].startswith("TXT v=STSv1; id=")


def test_the_dump_is_for_people() -> None:
    zone, records = run(place().zones.dump())[0]
    assert zone == "example.org"
    starts = [one.why.partition(".")[0] for one in records]
    assert starts == sorted(starts, key=["Required", "Recommended", "Optional"].index)
    assert not [one for one in records if one.kind == "NS" or one.name.startswith("ns1.")]


def test_a_zone_file_is_one() -> None:
    here = place()
    run(here.zones.add("x.example.org", "TXT", 'a"b\\c;' + "é" * 300, ACTOR))
    text = run(here.zones.zonefile("example.org."))
    zone = dns.zone.from_text(text)
    texts = [one.strings[0] for one in zone.find_rdataset("x", "TXT")]
    assert any(one.startswith(b'a"b\\c;') for one in texts)
    assert zone.find_rdataset("@", "SOA")[0].minimum == 86400
    with pytest.raises(NotFound):
        run(here.zones.zonefile("org"))


def test_secondaries() -> None:
    here = place()
    run(here.zones.update(ACTOR))
    here.world.resolver.set("ns2.host.test", "A", ["198.51.100.7"])
    here.world.resolver.set("ns2.host.test", "AAAA", [])
    names = ["ns2.host.test", "xfr:203.0.113.0/24", "XFR:2001:db8::5", " "]
    assert run(here.secondaries.replace(names, ACTOR)) == ["example.org"]
    assert run(here.secondaries.replace(names, ACTOR)) == []
    assert run(here.secondaries.allowed()) == Allowed(
        ("198.51.100.7", "203.0.113.0/24", "2001:db8::5"), ("198.51.100.7", "2001:db8::5")
    )
    records = run(here.zones.get("example.org")).records
    assert said(records, "example.org")[:2] == ["NS ns1.mx.example.org.", "NS ns2.host.test."]
    for name, fault in (("xfr:x", RecordFault.SECONDARY), ("no.test", RecordFault.UNRESOLVED)):
        with pytest.raises(BadRecord) as caught:
            run(here.secondaries.replace([name], ACTOR))
        assert caught.value.fault is fault
    with pytest.raises(LimitReached):
        run(here.secondaries.replace([f"xfr:192.0.2.{number}" for number in range(40)], ACTOR))


def test_challenges_stand_until_the_next_ones() -> None:
    zones = place().zones
    name = "_acme-challenge.example.org"
    run(zones.challenge([(name, "one"), (name, "two")]))
    assert said(run(zones.get("example.org")).records, name) == ["TXT one", "TXT two"]
    run(zones.challenge([]))
    assert said(run(zones.get("example.org")).records, name) == []


values = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["10 a.b", "0 0 1 x.", "$INCLUDE /etc/passwd", "( ;", '"', "\\", "\\300", "@", "\\# 1 00"]
    ),
    st.ip_addresses().map(str),
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.text("abc*._-@\\ $éÄ", max_size=8),
            st.sampled_from(zonerecord.KINDS),
            values,
        ),
        max_size=8,
    )
)
def test_no_custom_record_breaks_a_zone(rows: list[tuple[str, str, str]]) -> None:
    custom = []
    for name, kind, value in rows:
        try:
            custom.append(
                CustomRecord(
                    zonerecord.name(f"{name}.example.org"), kind, zonerecord.value(kind, value)
                )
            )
        except BadRecord:
            continue
    records = made(*custom)
    zone = Zone("example.org", tuple(records), zonemaking.soa(SITE), ZoneState("", 7, "", 0))
    read = dns.zone.from_text(zonerecord.zone_file(zone), check_origin=True)
    count = sum(len(rdataset) for node in read.values() for rdataset in node)
    assert count == len(records) + 1
