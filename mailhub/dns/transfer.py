"""Handing a whole zone to a secondary (AXFR, RFC 5936), and telling it of a new one (NOTIFY,
RFC 1996). Pure: packets in and out.

IXFR (RFC 1995) is answered with the whole zone, or with its SOA alone to who has it already.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mailhub.dns.contents import Contents
from mailhub.dns.grammar import AA, HEADER, IN, QR, Kind, Query, Rcode, RecordSet

FULL = 16384
"""Octets of a message of a transfer from which on the next one is begun."""
_NOTIFY = 4 << 11


def messages(query: Query, zone: Contents) -> Iterator[bytes]:
    """The messages of a transfer: SOA first, all else, SOA last (RFC 5936 2.2)."""
    start = zone.nodes[zone.origin][Kind.SOA]
    if query.kind == Kind.IXFR and query.serial == zone.state.serial:
        yield _message(query, [start.owner + start.rows[0]], True)
        return
    rows: list[bytes] = []
    size, first = 0, True
    for text in _rows(zone, start):
        if size + len(text) > FULL and rows:
            yield _message(query, rows, first)
            rows, size, first = [], 0, False
        rows.append(text)
        size += len(text)
    yield _message(query, rows, first)


def _rows(zone: Contents, start: RecordSet) -> Iterator[bytes]:
    yield start.owner + start.rows[0]
    for name, node in zone.nodes.items():
        for kind, one in node.items():
            rows = () if kind == Kind.SOA else one.rows
            for text in (*rows, *one.signatures):
                yield name + text
    yield start.owner + start.rows[0]


def _message(query: Query, rows: list[bytes], first: bool) -> bytes:
    head = HEADER.pack(query.id, QR | AA, 1 if first else 0, len(rows), 0, 0)
    return b"".join((head, query.section if first else b"", *rows))


def serial_alone(query: Query, zone: Contents) -> bytes:
    """What IXFR over UDP is answered: a secondary with another serial comes over TCP then."""
    start = zone.nodes[zone.origin][Kind.SOA]
    return _message(query, [start.owner + start.rows[0]], True)


def notify(id: int, zone: Contents) -> bytes:
    """Tells a secondary that there is a new version, and which."""
    start = zone.nodes[zone.origin][Kind.SOA]
    head = HEADER.pack(id, _NOTIFY | AA, 1, 1, 0, 0)
    return head + zone.origin + struct.pack("!HH", Kind.SOA, IN) + start.owner + start.rows[0]


def acknowledges(data: bytes, id: int) -> bool:
    """Whether a packet says that a notification arrived; an error says so, too: it would not be
    another one later."""
    if len(data) < HEADER.size:
        return False
    found, flags = struct.unpack_from("!2H", data)
    return (
        found == id
        and flags & (QR | 0x7800) == (QR | _NOTIFY)
        and (flags & 0xF not in (Rcode.SERVFAIL,))
    )
