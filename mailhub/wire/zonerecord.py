"""The text of a zone's records: checked by type before it can break a zone, and as a zone file.

dnspython knows the types; this module decides what is taken from people, and how their spellings
become one. Names in a value are whole names with or without their last dot: nobody who writes
`10 mail.example.com` means a host below the zone. Which names are ours is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from mailhub.model.errors import Invalid
from mailhub.model.zone import LOCAL, SOA, BadRecord, Record, RecordFault, Zone
from mailhub.wire import zonefile
from mailhub.wire.dnsname import query_name

KINDS = (
    *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY"),
    *("PTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"),
)
"""Types that an administrator may add."""
LONGEST = 4096
"""Octets of one value: an answer with a few of them still fits a UDP packet of the resolvers that
ask for large ones, and no record set comes near the 65,535 of a message."""
TEXT = frozenset({"TXT"})
_NAME = re.compile(r"(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_-]{1,63})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMED: Mapping[str, int] = {"CNAME": 0, "NS": 0, "PTR": 0, "MX": 1, "SRV": 3}
"""Where in a value the only name of its type stands."""


def name(written: str) -> str:
    """A record's name in its one spelling; `*` may be its first label. Raises BadRecord."""
    try:
        found = query_name(written.strip())
    except Invalid:
        found = ""
    if _NAME.fullmatch(found) is None or any(
        label.startswith("-") or label.endswith("-") for label in found.split(".")
    ):
        raise BadRecord(RecordFault.NAME, "This is no name that a record can have", written)
    return found


def kind(written: str) -> str:
    """A type in capitals. Raises BadRecord where nobody may add such records."""
    found = written.strip().upper()
    if found not in KINDS:
        raise BadRecord(RecordFault.KIND, f"Records of type {found[:20]!r} are not known", written)
    return found


def value(kind: str, written: str) -> str:
    """A value of a known `kind` in its one spelling, as of `model.zone.Record`; `local` of an
    address. Raises BadRecord."""
    text = written.strip()
    if not text:
        raise BadRecord(RecordFault.MISSING, "The record has no value", written)
    if kind in ("A", "AAAA"):
        return LOCAL if text == LOCAL else _address(kind, text)
    if kind in TEXT:
        return _text(text)
    if _CONTROL.search(text) or len(text) > LONGEST * 4:
        raise _bad(written)
    try:
        rdata = _parse(kind, _dotted(kind, text))
        shown = rdata.to_text()
        again = _parse(kind, shown)
    except (dns.exception.DNSException, ValueError, IndexError, KeyError, OverflowError):
        raise _bad(written) from None
    wire = rdata.to_wire()
    if wire is None or len(wire) > LONGEST or again != rdata or not shown.isascii():
        raise _bad(written)
    return shown.lower() if kind in ("CNAME", "NS", "PTR") else shown


def _bad(written: str) -> BadRecord:
    return BadRecord(RecordFault.VALUE, "The value does not fit the record's type", written)


def _address(kind: str, text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        said = "The value is no IP address"
        raise BadRecord(RecordFault.ADDRESS, said, text) from None
    if kind == "A" and address.version == 6:
        raise BadRecord(RecordFault.IPV6, "An IPv6 address belongs into an AAAA record", text)
    if kind == "AAAA" and address.version == 4:
        raise BadRecord(RecordFault.IPV4, "An IPv4 address belongs into an A record", text)
    if "%" in text:
        raise BadRecord(RecordFault.ADDRESS, "An address of one machine's network alone", text)
    return str(address)


def _text(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _bad(text) from None
    if size > LONGEST or _CONTROL.search(text):
        raise _bad(text)
    return text


def _dotted(kind: str, text: str) -> str:
    """`text` with its name as an absolute, ASCII one."""
    place = _NAMED.get(kind)
    if place is None:
        return text
    words = text.split()
    if len(words) != place + 1:
        raise _bad(text)
    host = words[place]
    if host != ".":
        try:
            words[place] = query_name(host) + "."
        except Invalid:
            raise _bad(text) from None
    return " ".join(words)


@lru_cache(maxsize=4096)
def _parse(kind: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(
        dns.rdataclass.IN,
        dns.rdatatype.from_text(kind),
        text,
        origin=dns.name.root,
        relativize=False,
    )


def parsed(record: Record) -> dns.rdata.Rdata:
    """A record's data. Its value was checked, so nothing is raised."""
    if record.kind in TEXT:
        return _parse("TXT", zonefile.strings(record.value))
    return _parse(record.kind, record.value)


def target(kind: str, value: str) -> str:
    """The name that a value of an NS, CNAME, PTR, MX or SRV leads to, without its dot."""
    return value.split()[_NAMED[kind]].removesuffix(".").lower()


def soa_text(soa: SOA, serial: int) -> str:
    """The data of a SOA record."""
    numbers = f"{serial} {soa.refresh} {soa.retry} {soa.expire} {soa.minimum}"
    return f"{soa.primary}. {soa.mbox}. {numbers}"


def zone_file(zone: Zone) -> str:
    """The whole zone, unsigned, as a zone file (RFC 1035 5.1)."""
    lines = [
        f"$ORIGIN {zone.name}.",
        f"$TTL {zone.soa.ttl}",
        f"{zone.name}. {zone.soa.ttl} IN SOA {soa_text(zone.soa, zone.state.serial)}",
        *_lines(zone.records),
    ]
    return "\n".join(lines) + "\n"


def _lines(records: Iterable[Record]) -> Iterable[str]:
    for one in records:
        data = zonefile.text(one.value) if one.kind in TEXT else one.value
        yield f"{one.name}. {one.ttl} IN {one.kind} {data}"
