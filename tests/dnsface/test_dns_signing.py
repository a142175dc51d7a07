"""Signatures: which keys make them, and that the same ones are not made twice."""

from __future__ import annotations

from dataclasses import replace

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import zonemaking
from mailhub.dns import contents
from mailhub.dns.contents import Contents
from mailhub.dns.grammar import Kind, RecordSet
from mailhub.dns.kept import Kept, unpacked
from mailhub.model.zone import (
    PublishedZone,
    Record,
    Site,
    Zone,
    ZoneKey,
    ZoneKeyState,
    ZoneState,
)
from mailhub.net import keymaking
from mailhub.wire import dnskey
from mailhub.wire.slices import finish
from tests.dns_packets import PAIR, RECORDS

NOW = 1_790_000_000
ORIGIN = dns.name.from_text("example.org")
OLD = ZoneKey("example.org", *PAIR, 0)
NEW = replace(ZoneKey("example.org", *keymaking.make("ecdsa"), 1), state=ZoneKeyState.READY)
_FIXED = 10


def published(*keys: ZoneKey, serial: int = 1, signed: int = NOW, word: str = "x") -> PublishedZone:
    """The zone, with a text."""
    records = [Record(name, kind, value, 300) for name, kind, value in RECORDS]
    records.append(Record("word.example.org", "TXT", word, 300))
    state = ZoneState("example.org", serial, "digest", signed)
    start = zonemaking.soa(Site("mx.example.org"))
    return PublishedZone(Zone("example.org", tuple(records), start, state), keys)


def read(records: RecordSet) -> tuple[dns.rrset.RRset, dns.rrset.RRset]:
    """A set and its signatures."""
    name = dns.name.from_wire(records.owner, 0)[0]
    found = []
    for kind, rows in ((records.kind, records.rows), (Kind.RRSIG, records.signatures)):
        rdatas = [
            dns.rdata.from_wire(dns.rdataclass.IN, kind, one, _FIXED, len(one) - _FIXED)
            for one in rows
        ]
        found.append(dns.rrset.from_rdata_list(name, int.from_bytes(rows[0][4:8]), rdatas))
    return found[0], found[1]


def makers(held: Contents, name: str, kind: Kind) -> set[str]:
    """Public keys that signed a set, each of which holds."""
    records, signatures = read(held.nodes[contents.octets(name)][kind])
    found = set()
    for key in (OLD, NEW):
        one = dns.rrset.from_rdata(ORIGIN, 300, dnskey.record(key.public))
        for signature in signatures:
            alone = dns.rrset.from_rdata(records.name, signatures.ttl, signature)
            try:
                dns.dnssec.validate(records, alone, {ORIGIN: one}, now=NOW)
            except dns.dnssec.ValidationFailure:
                continue
            found.add(key.public)
    assert len(found) == len(signatures)
    return found


@pytest.mark.parametrize(
    ("first", "second", "signs", "told"),
    [
        (ZoneKeyState.ACTIVE, ZoneKeyState.COMING, OLD, OLD),
        (ZoneKeyState.ACTIVE, ZoneKeyState.READY, OLD, NEW),
        (ZoneKeyState.ACTIVE, ZoneKeyState.TRUSTED, OLD, NEW),
        (ZoneKeyState.LEAVING, ZoneKeyState.ACTIVE, NEW, NEW),
    ],
)
def test_both_keys_vouch_for_each_other_and_one_signs(
    first: ZoneKeyState, second: ZoneKeyState, signs: ZoneKey, told: ZoneKey
) -> None:
    keys = (replace(OLD, state=first), replace(NEW, state=second))
    held = finish(contents.build(published(*keys)))
    for kind in (Kind.DNSKEY, Kind.CDS, Kind.CDNSKEY):
        assert makers(held, "example.org", kind) == {OLD.public, NEW.public}
    for name, kind in (("example.org", Kind.SOA), ("mx.example.org", Kind.A)):
        assert makers(held, name, kind) == {signs.public}
    top = held.nodes[held.origin]
    ((cds,), (cdnskey,)) = (read(top[kind])[0] for kind in (Kind.CDS, Kind.CDNSKEY))
    assert cds.to_text() == dnskey.ds("example.org", dnskey.text_of(told.public))[0]
    assert cdnskey.to_text() == dnskey.record(told.public).to_text()


def test_only_what_is_new_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    sign = dns.dnssec.sign

    def counted(rrset: dns.rrset.RRset, *words: object, **more: object) -> object:
        made.append(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}")
        return sign(rrset, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("dns.dnssec.sign", counted)
    first = Kept()
    before = finish(contents.build(published(OLD), first))
    assert first.is_new
    count = len(made)
    again = finish(unpacked(finish(first.packed())))
    assert finish(contents.build(published(OLD), again)).nodes == before.nodes
    assert (len(made), again.is_new) == (count, False)
    other = finish(unpacked(finish(first.packed())))
    finish(contents.build(published(OLD, serial=2, word="y"), other))
    assert sorted(made[count:]) == ["example.org. SOA"] * 2 + ["word.example.org. TXT"]
    assert other.is_new
    for change in (published(OLD, signed=NOW + 1), published(replace(NEW, state=OLD.state))):
        del made[:]
        finish(contents.build(change, finish(unpacked(finish(first.packed())))))
        assert len(made) == count


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_damage_only_costs_time(noise: bytes, cut: int) -> None:
    kept = finish(unpacked(noise))
    kept.put(b"f" * 16, b"signature")
    whole = finish(kept.packed())
    assert finish(unpacked(whole)).find(b"f" * 16) == b"signature"
    cut_off = finish(unpacked(whole[: min(cut, len(whole) - 1)]))
    assert cut_off.find(b"f" * 16) is None
