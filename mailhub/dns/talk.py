"""One packet in, what is sent for it out: which rules apply over UDP, over TCP, and to secondaries.

Knows no socket. Zones and who may fetch them are swapped whole, between two packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mailhub.dns import transfer
from mailhub.dns.answers import Zones, answer, find
from mailhub.dns.contents import Contents
from mailhub.dns.cookies import Cookies
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
from mailhub.dns.remembered import Remembered
from mailhub.dns.sealing import Seal, Sealing
from mailhub.wire.networks import Networks, plain

_TRANSFERS = (Kind.AXFR, Kind.IXFR)
_UNREADABLE = Response(Rcode.FORMERR)
_NOTHING_ASKED = Response(Rcode.NOERROR, authoritative=False)


class Talk:
    """What this server says. `rate`: see `Limits`; `secret`: see `Cookies`."""

    def __init__(self, rate: int, secret: bytes = b"", sealing: Sealing | None = None) -> None:
        self.zones: Zones = {}
        self.sealing = sealing or Sealing()
        self._secondaries = Networks(())
        self._limits = Limits(rate)
        self._cookies = Cookies(secret)
        self._remembered = Remembered()

    def serve(self, zones: Mapping[bytes, Contents], secondaries: Iterable[str]) -> None:
        """These zones from now on; networks that may fetch them."""
        self.zones = zones
        self._secondaries = Networks(secondaries)
        self._remembered = Remembered()

    def over_udp(self, data: bytes, address: str, now: float) -> bytes:
        """The answer to a datagram; empty: none."""
        known = self._remembered.find(data[2:])
        if known is not None:
            verdict = self._limits.judge(address, known[0], now)
            if verdict is Verdict.SEND:
                return data[:2] + known[1]
            return hint(parse(data)) if verdict is Verdict.HINT else b""
        try:
            query = parse(data)
            seal = self._seal(data, query)
        except BadPacket as error:
            if not error.reply:
                return b""
            verdict = self._limits.judge(address, alike(_UNREADABLE), now)
            return error.reply if verdict is Verdict.SEND else b""
        if seal is not None:
            return self._sealed(query, seal, address)
        if query.cookie:
            return self._to_known(query, plain(address), now)
        return self._new(data, query, address, now)

    def over_tcp(self, data: bytes, address: str, now: float = 0.0) -> Iterable[bytes]:
        """The answers to a packet of a stream, made as they are taken."""
        try:
            query = parse(data)
            seal = self._seal(data, query)
        except BadPacket as error:
            return [error.reply] if error.reply else []
        if query.kind in _TRANSFERS:
            zone = self._fetched(query, address, seal)
            if zone is not None:
                return _put(seal, transfer.messages(query, zone))
            said = reply(query, Rcode.REFUSED)
            return [said if seal is None else seal.put(said)]
        options = self._cookies.judge(query.cookie, address, now)[1] if query.cookie else b""
        limit = LONGEST - (seal.size if seal is not None else 0)
        said = write(query, self._answer(query), limit, options)
        return [said if seal is None else seal.put(said)]

    def _new(self, data: bytes, query: Query, address: str, now: float) -> bytes:
        """The answer to what was not asked before, or not since zones are as they are."""
        zone = self._fetched(query, plain(address), None)
        if zone is not None and query.kind == Kind.IXFR:
            return transfer.serial_alone(query, zone)
        response = self._answer(query)
        counted = alike(response)
        packet = write(query, response, query.payload)
        if query.kind not in _TRANSFERS:
            self._remembered.keep(data[2:], counted, packet[2:])
        match self._limits.judge(address, counted, now):
            case Verdict.SEND:
                return packet
            case Verdict.HINT:
                return hint(query)
            case Verdict.NOTHING:
                return b""

    def _to_known(self, query: Query, address: str, now: float) -> bytes:
        """The answer to who shows a cookie. A good one proves the address: no limit is needed."""
        proven, options = self._cookies.judge(query.cookie, address, now)
        response = self._answer(query)
        verdict = Verdict.SEND if proven else self._limits.judge(address, alike(response), now)
        match verdict:
            case Verdict.SEND:
                return write(query, response, query.payload, options)
            case Verdict.HINT:
                return hint(query)
            case Verdict.NOTHING:
                return b""

    def _sealed(self, query: Query, seal: Seal, address: str) -> bytes:
        """The answer to who has our key: no limit is needed."""
        zone = self._fetched(query, plain(address), seal)
        if zone is not None and query.kind == Kind.IXFR:
            return seal.put(transfer.serial_alone(query, zone))
        return seal.put(write(query, self._answer(query), query.payload - seal.size))

    def _answer(self, query: Query) -> Response:
        return answer(self.zones, query) if query.section else _NOTHING_ASKED

    def _seal(self, data: bytes, query: Query) -> Seal | None:
        return self.sealing.opened(data, query) if query.sealed else None

    def _fetched(self, query: Query, address: str, seal: Seal | None) -> Contents | None:
        """The zone that a secondary asks for, where it may have it: from an address that was
        named, and with our key where there is one."""
        if query.kind not in _TRANSFERS or address not in self._secondaries:
            return None
        if self.sealing.wanted and seal is None:
            return None
        zone = find(self.zones, query.name)
        return zone if zone is not None and zone.origin == query.name else None


def _put(seal: Seal | None, messages: Iterator[bytes]) -> Iterator[bytes]:
    for one in messages:
        yield one if seal is None else seal.put(one, of_many=True)
