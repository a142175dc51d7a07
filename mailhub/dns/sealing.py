"""Questions and answers sealed with a key that secondaries share with us (TSIG, RFC 8945). Pure.

dnspython computes; here stands which seal is believed, and what is said to others.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from mailhub.dns.grammar import HEADER, BadPacket, Query, Rcode, reply

FUDGE = 300
"""Seconds that two clocks may differ (RFC 8945 10)."""
LONGEST_SUM = 64
"""Octets of a seal's sum at most (SHA-512)."""
_FIXED = struct.Struct("!HHIH")
_tsig: Any = dns.tsig  # its functions have no types


class Seal:
    """For the packets of one exchange, in order. `seen`: the sum of what was asked."""

    def __init__(self, key: dns.tsig.Key, now: Callable[[], float], seen: bytes = b"") -> None:
        self._key = key
        self._now = now
        self._seen = seen
        self._running: Any = None
        empty = _record(key.algorithm, 0, 0, b"\0" * LONGEST_SUM)
        self.size = len(_sealed(HEADER.pack(*[0] * 6), key.name, empty)) - HEADER.size
        """Octets that a packet grows by at most."""

    def put(self, packet: bytes, *, of_many: bool = False) -> bytes:
        """The packet with its seal. `of_many`: others of the same answer follow, or came."""
        now = int(self._now())
        empty = _record(self._key.algorithm, now, int.from_bytes(packet[:2]))
        made, self._running = _tsig.sign(
            packet, self._key, empty, now, self._seen, self._running, of_many
        )
        return _sealed(packet, self._key.name, made)


class Sealing:
    """`key`: the one that secondaries have; None: nobody has any. `now`: epoch seconds."""

    def __init__(
        self, key: dns.tsig.Key | None = None, now: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._key = key
        self._now = now

    @property
    def wanted(self) -> bool:
        """Whether there is a key."""
        return self._key is not None

    def new(self) -> Seal | None:
        """For what we say first; None: without a key."""
        return Seal(self._key, self._now) if self._key is not None else None

    def opened(self, data: bytes, query: Query) -> Seal:
        """The seal for the answer to a sealed question. Raises BadPacket with what is said to whom
        we do not believe (RFC 8945 5.2)."""
        try:
            owner, asked = _read(data, query.sealed)
        except (dns.exception.DNSException, struct.error, ValueError):
            raise BadPacket(reply(query, Rcode.FORMERR)) from None
        key, said = self._key, reply(query, Rcode.NOTAUTH)
        if key is None or owner != key.name or asked.algorithm != key.algorithm:
            raise BadPacket(_refusal(said, owner, asked, dns.rcode.BADKEY))
        now = int(self._now())
        try:
            _tsig.validate(data, key, owner, asked, now, b"", query.sealed)
        except dns.tsig.BadTime:
            raise BadPacket(_late(said, key, asked, now)) from None
        except dns.exception.DNSException:
            raise BadPacket(_refusal(said, owner, asked, dns.rcode.BADSIG)) from None
        return Seal(key, self._now, asked.mac)


def _read(data: bytes, at: int) -> tuple[dns.name.Name, Any]:
    """The owner and the data of a seal that begins there."""
    owner, size = dns.name.from_wire(data, at)
    kind, klass, _, length = _FIXED.unpack_from(data, at + size)
    at += size + _FIXED.size
    return owner, dns.rdata.from_wire(klass, kind, data, at, length)


def _record(
    algorithm: dns.name.Name,
    time: int,
    id: int,
    total: bytes = b"",
    error: int = 0,
    other: bytes = b"",
) -> Any:
    made: Any = TSIG
    kind, klass = dns.rdatatype.TSIG, dns.rdataclass.ANY
    return made(klass, kind, algorithm, time, FUDGE, total, id, error, other)


def _sealed(packet: bytes, owner: dns.name.Name, record: Any) -> bytes:
    """The packet with one addition more."""
    data = record.to_wire()
    head = list(HEADER.unpack_from(packet))
    head[-1] += 1
    fixed = _FIXED.pack(dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(data))
    name: bytes = owner.to_wire()  # type: ignore[assignment]
    return b"".join((HEADER.pack(*head), packet[HEADER.size :], name, fixed, data))


def _refusal(said: bytes, owner: dns.name.Name, asked: Any, error: int) -> bytes:
    """To whom we cannot prove anything (RFC 8945 5.3.2)."""
    id = int.from_bytes(said[:2])
    return _sealed(said, owner, _record(asked.algorithm, asked.time_signed, id, b"", error))


def _late(said: bytes, key: dns.tsig.Key, asked: Any, now: int) -> bytes:
    """To whom has the key and another hour: the same, sealed, with ours (RFC 8945 5.2.3)."""
    time, id = asked.time_signed, int.from_bytes(said[:2])
    empty = _record(key.algorithm, time, id, b"", dns.rcode.BADTIME, now.to_bytes(6))
    made, _ = _tsig.sign(said, key, empty, time, asked.mac)
    return _sealed(said, key.name, made)
