"""Updates of a zone that another server has (RFC 2136), signed with its key (RFC 8945). Pure.

Only records that were ours are removed, one by one: what somebody else put there stays.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.zone import Zone
from mailhub.wire import zonefile

ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
FULL = 32_000
"""Octets of an update from which on another one is begun."""
Row = tuple[str, str, str]
"""Owner, type and data, as they are sent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A packet, and what reads its answer."""

    packet: bytes
    message: dns.message.Message


def parse_key(text: str, field: str = "key") -> dns.tsig.Key:
    """`hmac-sha256:name:secret`, as dig takes it. Raises Invalid, naming `field`."""
    algorithm, _, rest = text.partition(":")
    name, _, secret = rest.partition(":")
    if algorithm.lower() not in ALGORITHMS:
        raise Invalid(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}", field)
    try:
        if not binascii.a2b_base64(secret, strict_mode=True):
            raise Invalid("The key has no secret", field)
        return dns.tsig.Key(name, secret, dns.name.from_text(algorithm))
    except (dns.exception.DNSException, binascii.Error):
        raise Invalid("No key such as hmac-sha256:name:secret", field) from None


def rows(zone: Zone) -> list[tuple[Row, int]]:
    """What another server has to say, with the TTL: all but who answers for the zone."""
    found = []
    for one in zone.records:
        if one.name == zone.name and one.kind == "NS":
            continue
        data = zonefile.strings(one.value) if one.kind == "TXT" else one.value
        found.append(((one.name, one.kind, data), one.ttl))
    return found


def updates(
    zone: str, wanted: Sequence[tuple[Row, int]], gone: Iterable[Row], key: dns.tsig.Key | None
) -> Iterable[Asked]:
    """Updates that remove what was ours and add what is; of the ordinary size there is one."""
    message = _begun(zone, key)
    size = 0
    steps: list[tuple[Row, int | None]] = [(row, None) for row in gone]
    steps += wanted
    for (owner, kind, data), ttl in steps:
        name = dns.name.from_text(owner)
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.from_text(kind),
            data,
            origin=dns.name.root,
            relativize=False,
        )
        if ttl is None:
            message.delete(name, rdata)
        else:
            message.add(name, ttl, rdata)
        size += len(owner) + len(data) + 16
        if size > FULL:
            yield Asked(message.to_wire(), message)
            message, size = _begun(zone, key), 0
    if size:
        yield Asked(message.to_wire(), message)


def _begun(zone: str, key: dns.tsig.Key | None) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(zone)
    if key is not None:
        message.use_tsig(key)
    return message


def question(zone: str, kind: str, key: dns.tsig.Key | None) -> Asked:
    """A plain question."""
    message = dns.message.make_query(zone, kind)
    if key is not None:
        message.use_tsig(key)
    return Asked(message.to_wire(), message)


def answer(data: bytes, asked: Asked) -> Sequence[str]:
    """The records of an answer, as text. Raises Unavailable: it says no, or is not to be
    believed."""
    try:
        read = dns.message.from_wire(
            data, keyring=asked.message.keyring, request_mac=asked.message.mac
        )
    except dns.exception.DNSException as error:
        raise Unavailable(f"The name server's answer is refused ({error})") from None
    if read.id != asked.message.id or (asked.message.had_tsig and not read.had_tsig):
        raise Unavailable("The name server's answer does not belong to the question")
    if read.rcode() != dns.rcode.NOERROR:
        raise Unavailable(f"The name server says {dns.rcode.to_text(read.rcode())}")
    return [rdata.to_text() for rrset in read.answer for rdata in rrset]
