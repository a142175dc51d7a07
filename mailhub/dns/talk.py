"""One packet in, what is sent for it out: which rules apply over UDP, over TCP, and to secondaries.

Knows no socket. Zones and who may fetch them are swapped whole, between two packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailhub.dns import transfer
from mailhub.dns.answers import Zones, answer, find
from mailhub.dns.contents import Contents
from mailhub.dns.grammar import (
    LONGEST,
    BadPacket,
    Kind,
    Query,
    Rcode,
    Response,
    hint,
    parse,
    reply,
    write,
)
from mailhub.dns.limits import Limits, Verdict, alike
from mailhub.wire.networks import Networks

_TRANSFERS = (Kind.AXFR, Kind.IXFR)
_UNREADABLE = Response(Rcode.FORMERR)


class Talk:
    """What this server says. `rate`: see `Limits`."""

    def __init__(self, rate: int) -> None:
        self.zones: Zones = {}
        self._secondaries = Networks(())
        self._limits = Limits(rate)

    def serve(self, zones: Mapping[bytes, Contents], secondaries: Iterable[str]) -> None:
        """These zones from now on; networks that may fetch them."""
        self.zones = zones
        self._secondaries = Networks(secondaries)

    def over_udp(self, data: bytes, address: str, now: float) -> bytes:
        """The answer to a datagram; empty: none."""
        try:
            query = parse(data)
        except BadPacket as error:
            if not error.reply:
                return b""
            verdict = self._limits.judge(address, alike(_UNREADABLE), now)
            return error.reply if verdict is Verdict.SEND else b""
        zone = self._fetched(query, address)
        if zone is not None and query.kind == Kind.IXFR:
            return transfer.serial_alone(query, zone)
        response = answer(self.zones, query)
        match self._limits.judge(address, alike(response), now):
            case Verdict.SEND:
                return write(query, response, query.payload)
            case Verdict.HINT:
                return hint(query)
            case Verdict.NOTHING:
                return b""

    def over_tcp(self, data: bytes, address: str) -> Iterable[bytes]:
        """The answers to a packet of a stream, made as they are taken."""
        try:
            query = parse(data)
        except BadPacket as error:
            return [error.reply] if error.reply else []
        if query.kind not in _TRANSFERS:
            return [write(query, answer(self.zones, query), LONGEST)]
        zone = self._fetched(query, address)
        return transfer.messages(query, zone) if zone is not None else [reply(query, Rcode.REFUSED)]

    def _fetched(self, query: Query, address: str) -> Contents | None:
        """The zone that a secondary asks for, where it may have it."""
        if query.kind not in _TRANSFERS or address not in self._secondaries:
            return None
        zone = find(self.zones, query.name)
        return zone if zone is not None and zone.origin == query.name else None
