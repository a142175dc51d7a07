"""Packets of the DNS as a name server reads and writes them (RFC 1035 4.1, RFC 6891). Pure.

Only what a question can have is read here, byte by byte and never more than once; the data of
records was made by dnspython when their zone was built. Nothing is raised but `BadPacket`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum

from mailhub.dns import cookies

HEADER = struct.Struct("!6H")
_FIXED = struct.Struct("!HHIH")
QR, AA, TC, RD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0010
OPCODE = 0x7800
IN = 1
PLAIN = 512
"""Octets of a UDP answer to who said nothing else (RFC 1035 2.3.4)."""
PAYLOAD = 1232
"""Octets of a UDP answer that no path fragments (DNS flag day 2020)."""
LONGEST = 65535
NAME_LIMIT = 255
DO = 0x8000
_POINTER = 0xC000


class Rcode(IntEnum):
    """Answers' codes (RFC 1035 4.1.1, RFC 6891 9)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    NOTAUTH = 9
    BADVERS = 16


class Kind(IntEnum):
    """Types of records and questions that are special to a server."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    MX = 15
    AAAA = 28
    OPT = 41
    DS = 43
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    CDS = 59
    CDNSKEY = 60
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255


@dataclass(frozen=True, slots=True)
class Query:
    """A question. `name`: on the wire, in lower case. `section`: as it was asked, to be repeated.
    `payload`: octets that the asker takes over UDP. `edns`: it sent an OPT record; `secure`: it
    wants signatures; `cookie`: its cookie. `serial`: of the zone that it has, for IXFR; 0: none.
    `sealed`: where its seal begins (TSIG); 0: it has none."""

    id: int
    flags: int
    name: bytes
    kind: int
    section: bytes
    edns: bool = False
    secure: bool = False
    payload: int = PLAIN
    serial: int = 0
    cookie: bytes = b""
    sealed: int = 0


class BadPacket(Exception):
    """No question that can be answered. `reply`: what is sent instead; empty: nothing is."""

    def __init__(self, reply: bytes = b"") -> None:
        super().__init__("no question")
        self.reply = reply


def parse(data: bytes) -> Query:
    """The question of a packet. Raises BadPacket, with FORMERR, NOTIMP, REFUSED (another class than
    IN) or BADVERS, or without a reply: to a response there is none, or two servers would go on."""
    if len(data) < HEADER.size:
        raise BadPacket
    id, flags, questions, answers, authorities, additions = HEADER.unpack_from(data)
    if flags & QR:
        raise BadPacket
    if flags & OPCODE:
        raise BadPacket(_failure(id, flags, Rcode.NOTIMP))
    if questions > 1 or answers:
        raise BadPacket(_failure(id, flags, Rcode.FORMERR))
    try:
        at, name, kind, klass = HEADER.size, b"", 0, IN
        if questions:
            name, at = _question_name(data)
            kind, klass = struct.unpack_from("!HH", data, at)
            at += 4
        query = Query(id, flags, name, kind, data[HEADER.size : at])
        if authorities or additions or at != len(data):
            query = _with_additions(query, data, at, authorities, additions)
    except (_MalformedError, struct.error, IndexError):
        raise BadPacket(_failure(id, flags, Rcode.FORMERR)) from None
    except _VersionError as error:
        raise BadPacket(reply(error.query, Rcode.BADVERS)) from None
    if klass != IN:
        raise BadPacket(reply(query, Rcode.REFUSED))
    if not questions and not query.cookie:
        raise BadPacket(_failure(id, flags, Rcode.FORMERR))
    return query


class _MalformedError(Exception):
    """The packet breaks a rule."""


class _VersionError(Exception):
    """EDNS of a later version."""

    def __init__(self, query: Query) -> None:
        super().__init__("version")
        self.query = query


def _question_name(data: bytes) -> tuple[bytes, int]:
    """The name in lower case and where it ends. A question compresses nothing."""
    at = HEADER.size
    while length := data[at]:
        if length > 63:
            raise _MalformedError
        at += length + 1
        if at - HEADER.size >= NAME_LIMIT:
            raise _MalformedError
    return data[HEADER.size : at + 1].lower(), at + 1


def _skip_name(data: bytes, at: int) -> int:
    while length := data[at]:
        if length >= 0xC0:
            return at + 2
        if length > 63:
            raise _MalformedError
        at += length + 1
    return at + 1


def _with_additions(query: Query, data: bytes, at: int, authorities: int, additions: int) -> Query:
    """The question with what OPT and TSIG and, for IXFR, the SOA say."""
    opt: tuple[int, int, bytes] | None = None
    serial = sealed = 0
    for place in range(authorities + additions):
        start = at
        at = _skip_name(data, at)
        kind, klass, ttl, size = _FIXED.unpack_from(data, at)
        at += _FIXED.size + size
        if at > len(data) or sealed:  # a seal is the last of all (RFC 8945 5.1)
            raise _MalformedError
        if kind == Kind.OPT and place >= authorities:
            if opt is not None or data[start]:
                raise _MalformedError
            opt = klass, ttl, data[at - size : at]
        elif kind == Kind.TSIG and place >= authorities:
            sealed = start
        elif kind == Kind.SOA and place < authorities and size >= 20:
            serial = int.from_bytes(data[at - 20 : at - 16])
    if at != len(data):
        raise _MalformedError
    if opt is None:
        return replace(query, serial=serial, sealed=sealed) if serial or sealed else query
    klass, ttl, options = opt
    told = Query(
        query.id,
        query.flags,
        query.name,
        query.kind,
        query.section,
        True,
        bool(ttl & DO),
        min(max(klass, PLAIN), PAYLOAD),
        serial,
        _cookie(options) if options else b"",
        sealed,
    )
    if ttl >> 16 & 0xFF:
        raise _VersionError(told)
    return told


def _cookie(options: bytes) -> bytes:
    """The cookie among the options of an OPT record (RFC 6891 6.1.2)."""
    at = 0
    while at < len(options):
        code, size = struct.unpack_from("!HH", options, at)
        at += 4 + size
        if at > len(options):
            raise _MalformedError
        if code == cookies.CODE:
            found = options[at - size : at]
            if cookies.malformed(found):
                raise _MalformedError
            return found
    return b""


def _failure(id: int, flags: int, code: Rcode) -> bytes:
    """An answer without the question, which could not be read."""
    return HEADER.pack(id, QR | (flags & (OPCODE | RD)) | code, 0, 0, 0, 0)


# -- what is said


@dataclass(frozen=True, slots=True)
class RecordSet:
    """Records of one name and type as they are sent. `owner`: the name on the wire, in lower case.
    `rows`: of each record all that follows its name; `signatures`: so, of its RRSIG records."""

    owner: bytes
    kind: int
    rows: tuple[bytes, ...]
    signatures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A set in an answer. `owner`: the name that it is given under, of a wildcard the one that was
    asked for."""

    records: RecordSet
    owner: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered. `origin`: the zone's name on the wire; empty: no zone of ours."""

    code: Rcode
    origin: bytes = b""
    authoritative: bool = True
    answers: tuple[Said, ...] = ()
    authorities: tuple[Said, ...] = ()
    additions: tuple[Said, ...] = ()


def row(kind: int, ttl: int, data: bytes) -> bytes:
    """All of a record that follows its name."""
    return _FIXED.pack(kind, IN, ttl, len(data)) + data


def reply(query: Query, code: Rcode) -> bytes:
    """An answer without records."""
    return write(query, Response(code, authoritative=False), LONGEST)


def hint(query: Query) -> bytes:
    """Says only that there is more to be had over TCP."""
    return _packet(query, Response(Rcode.NOERROR), [], _opt(query, Rcode.NOERROR, b""), TC)


def write(query: Query, response: Response, limit: int, options: bytes = b"") -> bytes:
    """The packet, `limit` octets at most: what is too long says so (TC) and nothing else, without
    its additions it may still fit (RFC 2181 9). `options`: of its OPT record."""
    names = _Names(query, response.origin)
    opt = _opt(query, response.code, options)
    parts = [
        _section(part, names, query.secure)
        for part in (response.answers, response.authorities, response.additions)
    ]
    size = HEADER.size + len(query.section) + len(opt)
    needed = 3 if not response.authoritative else 2  # a referral is nothing without its glue
    while sum(len(text) for text, _ in parts) + size > limit:
        if len(parts) > needed:
            parts.pop()
            continue
        return _packet(query, response, [], opt, TC)
    return _packet(query, response, parts, opt, 0)


def _packet(
    query: Query, response: Response, parts: list[tuple[bytes, int]], opt: bytes, flags: int
) -> bytes:
    flags |= QR | (query.flags & (RD | CD)) | (response.code & 0xF)
    if response.authoritative:
        flags |= AA
    counts = [count for _, count in parts] + [0] * (3 - len(parts))
    asked = 1 if query.section else 0
    head = HEADER.pack(query.id, flags, asked, counts[0], counts[1], counts[2] + bool(opt))
    return b"".join((head, query.section, *(text for text, _ in parts), opt))


def _opt(query: Query, code: Rcode, options: bytes) -> bytes:
    if not query.edns:
        return b""
    flags = (code >> 4) << 24 | (DO if query.secure else 0)
    return b"\0" + _FIXED.pack(Kind.OPT, PAYLOAD, flags, len(options)) + options


def _section(said: tuple[Said, ...], names: _Names, secure: bool) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    count = 0
    for one in said:
        owner = names.written(one.owner)
        rows = one.records.rows + one.records.signatures if secure else one.records.rows
        for text in rows:
            pieces.append(owner)
            pieces.append(text)
        count += len(rows)
    return b"".join(pieces), count


class _Names:
    """Owners' names, which end like the question's (RFC 1035 4.1.4)."""

    __slots__ = ("_asked", "_origin", "_pointer", "_same")

    def __init__(self, query: Query, origin: bytes) -> None:
        self._asked = query.name
        self._same = struct.pack("!H", _POINTER | HEADER.size)
        within = bool(origin) and query.name.endswith(origin)
        self._origin = origin if within else b""
        at = HEADER.size + len(query.name) - len(origin)
        self._pointer = struct.pack("!H", _POINTER | at) if within else b""

    def written(self, owner: bytes) -> bytes:
        if owner == self._asked:
            return self._same
        if self._origin and owner.endswith(self._origin):
            return owner[: -len(self._origin)] + self._pointer
        return owner
