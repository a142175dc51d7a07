"""A zone as the server looks things up in it. Pure; built in slices, and never changed afterwards.

dnspython writes the data of records and makes the signatures; here stands how they are found:
names by their octets, names that do not exist by their place in the canonical order (RFC 4034 6.1).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.util
import dns.rrset
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dns.rdtypes.ANY.NSEC import NSEC

from mailhub.dns.grammar import Kind, RecordSet, row
from mailhub.dns.kept import Kept, fingerprint
from mailhub.model.zone import (
    PublishedZone,
    Record,
    ZoneKey,
    ZoneKeyState,
    ZoneState,
    signing,
    wanted,
)
from mailhub.wire import dnskey, zonerecord

STEP = 500
"""Names that are looked at at a time."""
SKEW = 3600
"""Seconds that others' clocks may be behind ours: signatures begin so much earlier."""
VALID = 30 * 86400
"""Seconds that signatures are valid for."""
_BY_ALL = (Kind.DNSKEY, Kind.CDS, Kind.CDNSKEY)
"""What every key signs (RFC 7344 4.1): the zone above may point to any of them."""
Node = Mapping[int, RecordSet]
_Sets = dict[bytes, dict[int, dns.rrset.RRset]]


@dataclass(frozen=True, slots=True)
class Change:
    """What another version came by. `serial`, `start`: of the one before, and its SOA record;
    `gone`, `come`: records, signatures too."""

    serial: int
    start: bytes
    gone: tuple[bytes, ...]
    come: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """One zone. `nodes`: all names, with those between that have no records (RFC 8020). `cuts`:
    names that others answer for. `order`, `chain`: places and NSEC sets of signed names; empty
    where the zone is not signed. `negative`: its SOA as it goes with "there is none" (RFC 2308 3).
    `changes`: how it came about, the last one at the end, as far as that is remembered.
    """

    origin: bytes
    state: ZoneState
    nodes: Mapping[bytes, Node]
    cuts: frozenset[bytes]
    negative: RecordSet
    order: Sequence[tuple[bytes, ...]]
    chain: Sequence[RecordSet]
    signed: bool
    changes: tuple[Change, ...] = ()

    def covering(self, name: bytes) -> RecordSet:
        """The NSEC set whose span has `name`. Only of a signed zone."""
        return self.chain[bisect_right(self.order, place(name)) - 1]


def place(name: bytes) -> tuple[bytes, ...]:
    """Where a name in lower case stands in the canonical order."""
    labels = []
    at = 0
    while length := name[at]:
        labels.append(name[at + 1 : at + 1 + length])
        at += length + 1
    labels.reverse()
    return tuple(labels)


def wire(name: dns.name.Name) -> bytes:
    """A name's octets, in lower case."""
    return name.to_wire().lower()  # type: ignore[union-attr]


def octets(name: str) -> bytes:
    """The same of a name as text."""
    return wire(dns.name.from_text(name))


def build(published: PublishedZone, kept: Kept | None = None) -> Generator[None, None, Contents]:
    """A zone, signed where it has a key; stops every fraction of a millisecond. `kept`: signatures
    from before, which gets those that are made."""
    zone, key = published.zone, signing(published.keys)
    origin = dns.name.from_text(zone.name)
    top = wire(origin)
    sets = yield from _sets(origin, published)
    cuts = frozenset(name for name, kinds in sets.items() if Kind.NS in kinds and name != top)
    yield
    ours = [name for name in sets if not _is_below(name, top, cuts)]
    yield
    if key is not None:
        places = yield from _places(ours)
        ours.sort(key=places.__getitem__)
        yield from _deny(origin, ours, sets, cuts, zone.soa.minimum)
    kept = kept or Kept()
    signer = _Signer(origin, published.keys, zone.state.signed, kept) if key is not None else None
    nodes: dict[bytes, dict[int, RecordSet]] = {}
    vouched = set(ours)
    for name, kinds in sets.items():
        packed = nodes[name] = {}
        for kind, rrset in kinds.items():
            bare = name not in vouched or (name in cuts and kind not in (Kind.DS, Kind.NSEC))
            packed[kind] = _packed(rrset, None if bare else signer)
            yield
    yield from _fill(nodes, top)
    chain = [nodes[name][Kind.NSEC] for name in ours] if key is not None else []
    yield
    whole = sets[top][Kind.SOA]
    start = dns.rrset.from_rdata_list(origin, min(whole.ttl, zone.soa.minimum), list(whole))
    return Contents(
        origin=top,
        state=zone.state,
        nodes=nodes,
        cuts=cuts,
        negative=_packed(start, signer),
        order=[places[name] for name in ours] if key is not None else [],
        chain=chain,
        signed=key is not None,
    )


def _is_below(name: bytes, top: bytes, cuts: frozenset[bytes]) -> bool:
    """Whether others answer for the name: what we have of it is glue."""
    while cuts and name != top:
        name = name[name[0] + 1 :]
        if name in cuts:
            return True
    return False


def _sets(origin: dns.name.Name, published: PublishedZone) -> Generator[None, None, _Sets]:
    zone = published.zone
    start = Record(zone.name, "SOA", zonerecord.soa_text(zone.soa, zone.state.serial), zone.soa.ttl)
    sets: _Sets = {}
    for number, record in enumerate((start, *zone.records)):
        _put(sets, dns.name.from_text(record.name), record.ttl, zonerecord.parsed(record))
        if number % 8 == 7:
            yield
    pointed = wanted(published.keys)
    if pointed is not None:
        for one in published.keys:
            _put(sets, origin, zone.soa.ttl, dnskey.record(one.public))
        for rdata in dnskey.told_above(zone.name, pointed.public):
            _put(sets, origin, zone.soa.ttl, rdata)
    return sets


def _put(sets: _Sets, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
    kinds = sets.setdefault(wire(name), {})
    rrset = kinds.get(rdata.rdtype)
    if rrset is None:
        rrset = kinds[rdata.rdtype] = dns.rrset.RRset(name, rdata.rdclass, rdata.rdtype)
    rrset.add(rdata, ttl)


def _deny(
    origin: dns.name.Name,
    ours: Sequence[bytes],
    sets: _Sets,
    cuts: frozenset[bytes],
    minimum: int,
) -> Generator[None, None, None]:
    """The chain of NSEC records (RFC 4034 4, RFC 9077)."""
    names = [next(iter(sets[name].values())).name for name in ours]
    yield
    made: Any = NSEC
    for number, (name, owner) in enumerate(zip(ours, names, strict=True)):
        following = names[number + 1] if number + 1 < len(ours) else origin
        kinds = set(sets[name])
        if name in cuts:
            kinds &= {Kind.NS, Kind.DS}
        kinds |= {Kind.RRSIG, Kind.NSEC}
        types = [dns.rdatatype.RdataType(kind) for kind in kinds]
        windows = dns.rdtypes.util.Bitmap.from_rdtypes(types)
        rdata = made(dns.rdataclass.IN, dns.rdatatype.NSEC, next=following, windows=windows.windows)
        _put(sets, owner, minimum, rdata)
        yield


class _Signer:
    """Signs sets of one zone, the same ones always in the same way."""

    def __init__(
        self, origin: dns.name.Name, keys: Sequence[ZoneKey], signed: int, kept: Kept
    ) -> None:
        self._origin = origin
        self._keys = [_Pen(one) for one in keys]
        self._own = [one for one in self._keys if one.is_active]
        self._begins = signed - SKEW
        self._ends = signed + VALID
        self._kept = kept

    def rows(self, rrset: dns.rrset.RRset, bare: Sequence[bytes]) -> tuple[bytes, ...]:
        """Of the RRSIG records: one of each key that signs it. `bare`: its rows."""
        pens = self._keys if int(rrset.rdtype) in _BY_ALL else self._own
        found = []
        for pen in pens:
            what = fingerprint(pen.public, self._begins, wire(rrset.name), bare)
            made = self._kept.find(what)
            if made is None:
                made = row(Kind.RRSIG, rrset.ttl, self._sign(rrset, pen))
                self._kept.put(what, made)
            found.append(made)
        return tuple(found)

    def _sign(self, rrset: dns.rrset.RRset, pen: _Pen) -> bytes:
        made = dns.dnssec.sign(
            rrset,
            pen.private,
            self._origin,
            pen.record,
            inception=self._begins,
            expiration=self._ends,
        )
        return _data(made)


class _Pen:
    """A key that is ready to sign."""

    def __init__(self, key: ZoneKey) -> None:
        self.is_active = key.state is ZoneKeyState.ACTIVE
        self.public = key.public.encode()
        self.record: Any = dnskey.record(key.public)
        self.private: Any = load_pem_private_key(key.private.encode(), password=None)


def _packed(rrset: dns.rrset.RRset, signer: _Signer | None) -> RecordSet:
    rows = tuple(row(rrset.rdtype, rrset.ttl, _data(rdata)) for rdata in rrset)
    signatures = signer.rows(rrset, rows) if signer is not None else ()
    return RecordSet(wire(rrset.name), int(rrset.rdtype), rows, signatures)


def _data(rdata: Any) -> bytes:
    data: bytes = rdata.to_wire()
    return data


def _places(names: Sequence[bytes]) -> Generator[None, None, dict[bytes, tuple[bytes, ...]]]:
    found = {}
    for number, name in enumerate(names):
        found[name] = place(name)
        if number % STEP == STEP - 1:
            yield
    return found


def _fill(nodes: dict[bytes, dict[int, RecordSet]], origin: bytes) -> Generator[None, None, None]:
    """Names between the top and a name that has records exist, too (RFC 4592 2.2.2)."""
    for number, name in enumerate(tuple(nodes)):
        if number % STEP == STEP - 1:
            yield
        while name != origin:
            name = name[name[0] + 1 :]
            nodes.setdefault(name, {})
