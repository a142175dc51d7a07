"""Handing a whole zone to a secondary (AXFR, RFC 5936), and telling it of a new one (NOTIFY,
RFC 1996). Pure: packets in and out.

IXFR (RFC 1995) is answered with what changed since, as far as that is remembered; to others with
the whole zone, or with its SOA alone to who has it already.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from mailhub.dns.contents import Change, Contents
from mailhub.dns.grammar import AA, HEADER, IN, QR, Kind, Query, Rcode

FULL = 16384
"""Octets of a message of a transfer from which on the next one is begun."""
_NOTIFY = 4 << 11


def messages(query: Query, zone: Contents) -> Iterator[bytes]:
    """The messages of a transfer: SOA first, all else, SOA last (RFC 5936 2.2)."""
    if query.kind == Kind.IXFR and query.serial == zone.state.serial:
        yield _message(query, [_start(zone)], True)
        return
    steps = _since(zone, query.serial) if query.kind == Kind.IXFR else ()
    rows: list[bytes] = []
    size, first = 0, True
    for text in _changes(zone, steps) if steps else _rows(zone):
        if size + len(text) > FULL and rows:
            yield _message(query, rows, first)
            rows, size, first = [], 0, False
        rows.append(text)
        size += len(text)
    yield _message(query, rows, first)


def _since(zone: Contents, serial: int) -> Sequence[Change]:
    """The changes that lead from there to now; none: it is not known."""
    for number, one in enumerate(zone.changes):
        if one.serial == serial:
            return zone.changes[number:]
    return ()


def _changes(zone: Contents, steps: Sequence[Change]) -> Iterator[bytes]:
    """Each version's SOA and what went, the next one's and what came (RFC 1995 4)."""
    now = _start(zone)
    yield now
    for number, one in enumerate(steps):
        yield one.start
        yield from one.gone
        yield steps[number + 1].start if number + 1 < len(steps) else now
        yield from one.come
    yield now


def _start(zone: Contents) -> bytes:
    """The SOA record, without signatures."""
    start = zone.nodes[zone.origin][Kind.SOA]
    return start.owner + start.rows[0]


def _rows(zone: Contents) -> Iterator[bytes]:
    yield _start(zone)
    for name, node in zone.nodes.items():
        for kind, one in node.items():
            rows = () if kind == Kind.SOA else one.rows
            for text in (*rows, *one.signatures):
                yield name + text
    yield _start(zone)


def _message(query: Query, rows: list[bytes], first: bool) -> bytes:
    head = HEADER.pack(query.id, QR | AA, 1 if first else 0, len(rows), 0, 0)
    return b"".join((head, query.section if first else b"", *rows))


def serial_alone(query: Query, zone: Contents) -> bytes:
    """What IXFR over UDP is answered: a secondary with another serial comes over TCP then."""
    return _message(query, [_start(zone)], True)


def notify(id: int, zone: Contents) -> bytes:
    """Tells a secondary that there is a new version, and which."""
    head = HEADER.pack(id, _NOTIFY | AA, 1, 1, 0, 0)
    return head + zone.origin + struct.pack("!HH", Kind.SOA, IN) + _start(zone)


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
