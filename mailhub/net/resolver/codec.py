"""DNS packets: a question to bytes, and bytes to what they answer (RFC 1035, RFC 6891).

Pure. Everything that a forger could get wrong is checked here before dnspython sees the rest of
a packet; who sent it is checked by the socket.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.route import TLSA

PAYLOAD = 1232
"""Octets of a UDP answer that no path fragments (DNS flag day 2020)."""
HEADER = struct.Struct("!6H")
CLASS_IN = 1
CHAIN = 16
"""CNAMEs that are followed."""
LONGEST_TTL = 86400
LONGEST_NEGATIVE = 900
UNDATED_NEGATIVE = 5
"""Seconds, where no SOA says for how long a name is known not to be there (RFC 2308 5)."""
_EDNS = struct.pack("!BHHIH", 0, 41, PAYLOAD, 0, 0)
_QR, _OPCODE, _TC, _RD, _RA, _AA, _AD = 0x8000, 0x7800, 0x0200, 0x0100, 0x0080, 0x0400, 0x0020


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name.labels != (b"",) else "."


RECORDS: Mapping[str, Callable[[Any], Any]] = {
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "MX": lambda record: (record.preference, _host(record.exchange)),
    "TXT": lambda record: b"".join(record.strings),
    "PTR": lambda record: _host(record.target),
    "CNAME": lambda record: _host(record.target),
    "NS": lambda record: _host(record.target),
    "TLSA": lambda record: TLSA(record.usage, record.selector, record.mtype, record.cert),
    "SRV": lambda record: (record.priority, record.weight, record.port, _host(record.target)),
    "SOA": lambda record: (_host(record.mname), _host(record.rname), record.serial),
    "DS": lambda record: record.to_text(),
}
"""From dnspython's records to those of `DNSAnswer`, by type."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is sent. `name`: as `wire.dnsname.query_name` makes it. `edns`: with an
    OPT record; servers from before RFC 6891 answer FORMERR to it."""

    name: str
    kind: str
    id: int
    edns: bool = True

    def encode(self) -> bytes:
        """The packet. AD asks a validating resolver to say what it found (RFC 6840 5.7)."""
        head = HEADER.pack(self.id, _RD | _AD, 1, 0, 0, 1 if self.edns else 0)
        return head + self.section() + (_EDNS if self.edns else b"")

    def section(self) -> bytes:
        """The question section, which an answer repeats."""
        return _section(self.name, self.kind)


def _section(name: str, kind: str) -> bytes:
    labels = name.encode("ascii").split(b".") if name != "." else []
    name_wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return name_wire + struct.pack("!HH", dns.rdatatype.from_text(kind), CLASS_IN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a server said. `answer`: the records, or the lack of them; None where the name does
    not exist. `ttl`: seconds that this may be remembered."""

    answer: DNSAnswer | None
    ttl: int


class Refused(Unavailable):
    """A server answered that it does not answer. `edns`: it may without an OPT record."""

    def __init__(self, text: str, *, edns: bool = False) -> None:
        super().__init__(text)
        self.edns = edns


def known(kind: str) -> str:
    """`kind` in capitals. Raises Invalid for a type that `DNSAnswer` has no records for."""
    kind = kind.upper()
    if kind not in RECORDS:
        raise Invalid(f"DNS records of type {kind} are not known", "kind")
    return kind


def answers(data: bytes, question: Question) -> bool:
    """Whether `data` is a response to this very question: id, opcode and question section. One
    that only says why there is none may leave the question out."""
    if len(data) < HEADER.size:
        return False
    id, flags, questions, _, _, _ = HEADER.unpack_from(data)
    if id != question.id or flags & (_QR | _OPCODE) != _QR:
        return False
    if not questions:
        return bool(flags & 0xF)
    asked = question.section()
    return questions == 1 and data[HEADER.size : HEADER.size + len(asked)].lower() == asked.lower()


def is_truncated(data: bytes) -> bool:
    """Whether the rest has to be fetched over TCP."""
    return bool(HEADER.unpack_from(data)[1] & _TC)


def decode(data: bytes, question: Question, *, trusted: bool) -> Verdict:
    """What `data`, a response to `question`, says. `trusted`: whether its AD bit is believed.

    Raises Unavailable: SERVFAIL, REFUSED, a packet that cannot be read, CNAMEs in a circle.
    """
    flags = HEADER.unpack_from(data)[1]
    rcode = flags & 0xF
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        edns = question.edns and rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP)
        raise Refused(f"The DNS server says {dns.rcode.to_text(dns.rcode.Rcode(rcode))}", edns=edns)
    if not flags & (_RA | _AA):
        raise Refused("The DNS server does not look names up for others")
    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except dns.exception.DNSException as error:
        raise Unavailable(f"The DNS answer cannot be read ({type(error).__name__})") from None
    authentic = trusted and bool(flags & _AD)
    answer = _follow(message, question, authentic)
    if not answer.records:
        ttl = _negative_ttl(message)
        missing = rcode == dns.rcode.NXDOMAIN
        return Verdict(None if missing else answer, ttl)
    return Verdict(answer, answer.ttl)


def not_there(name: str) -> NotFound:
    """NXDOMAIN."""
    return NotFound(f"The name {name} does not exist")


def _follow(message: dns.message.Message, question: Question, authentic: bool) -> DNSAnswer:
    """The records at the end of the CNAMEs that start at the question (RFC 1034 3.6.2)."""
    kind = dns.rdatatype.from_text(question.kind)
    aliases: dict[str, dns.rrset.RRset] = {}
    records: dict[str, dns.rrset.RRset] = {}
    for rrset in message.answer:
        if rrset.rdclass != CLASS_IN:
            continue
        if rrset.rdtype == kind:
            records[_host(rrset.name)] = rrset
        elif rrset.rdtype == dns.rdatatype.CNAME:
            aliases[_host(rrset.name)] = rrset
    name, ttl = question.name, LONGEST_TTL
    for _ in range(CHAIN):
        found = records.get(name)
        if found is not None:
            values = tuple(map(RECORDS[question.kind], found))
            ttl = min(ttl, found.ttl)
            return DNSAnswer(question.name, question.kind, values, authentic, name, ttl)
        alias = aliases.get(name)
        if alias is None:
            return DNSAnswer(question.name, question.kind, (), authentic, name)
        ttl = min(ttl, alias.ttl)
        name = _host(alias[0].target)
    raise Unavailable(f"The name {question.name} has too many CNAMEs")


def _negative_ttl(message: dns.message.Message) -> int:
    """For how long the lack of records may be remembered (RFC 2308 5)."""
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return min(rrset.ttl, int(rrset[0].minimum), LONGEST_NEGATIVE)
    return UNDATED_NEGATIVE
