"""The control protocol of Knot DNS, and how a zone is brought to say what it should. Pure.

Units on a UNIX socket: a type, then fields with an index and a length; a block of them is a request
or its answer (libknot, control.h). dnspython compares records that are spelled differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from mailhub.model.errors import Invalid
from mailhub.model.zone import Zone
from mailhub.wire import zonefile, zonerecord

_OFFSET = 16
_END, _DATA, _EXTRA, _BLOCK = range(4)
END = bytes((_END,))
LARGEST = 64 << 20
"""Octets of an answer: a zone of a million records."""
SIGNING = frozenset(
    {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534"}
)
"""Types that Knot makes itself."""


class Field(IntEnum):
    """What a unit's fields mean."""

    COMMAND = 0
    FLAGS = 1
    ERROR = 2
    SECTION = 3
    ITEM = 4
    ID = 5
    ZONE = 6
    OWNER = 7
    TTL = 8
    TYPE = 9
    DATA = 10


Unit = Mapping[int, str]


def request(command: str, **fields: str) -> bytes:
    """One command with its fields (`zone`, `owner`, `section`, …) as it is sent."""
    given = {Field.COMMAND: command} | {Field[name.upper()]: text for name, text in fields.items()}
    parts = [bytes((_DATA,))]
    for field in sorted(given):
        data = given[field].encode()
        parts += [bytes((_OFFSET + field,)), len(data).to_bytes(2), data]
    return b"".join(parts) + bytes((_BLOCK,))


class Answers:
    """What comes back, put together."""

    def __init__(self) -> None:
        self._held = bytearray()

    def receive(self, data: bytes) -> list[Unit] | None:
        """The units of an answer, once it is whole. Raises Invalid for what is none."""
        self._held += data
        if len(self._held) > LARGEST:
            raise Invalid("The answer is too long")
        if not data.endswith(bytes((_BLOCK,))):
            return None
        units: list[dict[int, str]] = []
        at, held = 0, bytes(self._held)
        while at < len(held):
            code = held[at]
            at += 1
            if code in (_DATA, _EXTRA):
                units.append({})
            elif code == _BLOCK:
                self._held = bytearray(held[at:])
                return list(units)
            elif code < _OFFSET or not units:
                raise Invalid("The answer is none of Knot's")
            else:
                size = int.from_bytes(held[at : at + 2])
                if at + 2 + size > len(held):
                    return None
                text = held[at + 2 : at + 2 + size]
                units[-1][code - _OFFSET] = text.decode("utf-8", "replace")
                at += 2 + size
        return None


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a transaction names it."""

    owner: str
    ttl: str
    kind: str
    data: str


_Key = tuple[str, str, str, dns.rdata.Rdata]


def changes(zone: Zone, units: Iterable[Unit]) -> tuple[Sequence[Row], Sequence[Row]]:
    """What has to be removed from a zone that says `units`, and what has to be added to it.

    The serial is Knot's own once the zone is there: signing moves it, too. Raises Invalid for an
    answer that is no zone's.
    """
    present = {_key(row): row for row in map(_row, units) if row.kind not in SIGNING}
    wanted = {_key(row): row for row in _rows(zone)}
    start = _start(zone)
    here = next((row for row in present.values() if row.kind == "SOA"), None)
    if here is not None:
        del present[_key(here)]
    removed = [row for key, row in present.items() if key not in wanted]
    added = [row for key, row in wanted.items() if key not in present]
    if here is None:
        added.insert(0, start)
    elif _without_serial(here.data) != _without_serial(start.data):
        serial = (int(here.data.split()[2]) + 1) & 0xFFFFFFFF
        words = start.data.split()
        added.insert(0, Row(start.owner, start.ttl, "SOA", " ".join(_numbered(words, serial))))
    return removed, added


def _numbered(words: Sequence[str], serial: int) -> Sequence[str]:
    return [*words[:2], str(serial), *words[3:]]


def _without_serial(data: str) -> list[str]:
    words = data.lower().split()
    return [*words[:2], *words[3:]]


def _start(zone: Zone) -> Row:
    data = zonerecord.soa_text(zone.soa, zone.state.serial)
    return Row(f"{zone.name}.", str(zone.soa.ttl), "SOA", data)


def _rows(zone: Zone) -> Iterable[Row]:
    for one in zone.records:
        data = zonefile.strings(one.value) if one.kind == "TXT" else one.value
        yield Row(f"{one.name}.", str(one.ttl), one.kind, data)


def _row(unit: Unit) -> Row:
    try:
        return Row(unit[Field.OWNER].lower(), unit[Field.TTL], unit[Field.TYPE], unit[Field.DATA])
    except KeyError:
        raise Invalid("The answer is no record's") from None


def _key(row: Row) -> _Key:
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.from_text(row.kind),
            row.data,
            origin=dns.name.root,
            relativize=False,
        )
    except dns.exception.DNSException:
        raise Invalid(f"A record of type {row.kind} cannot be read") from None
    return row.owner, row.kind, row.ttl, rdata
