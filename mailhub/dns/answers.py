"""What is answered to a question (RFC 1034 4.3.2, RFC 4035 3.1). Pure: zones and query in, response
out; it raises nothing.

Answers are small: an address that nobody asked for is only sent where a referral needs it, and
"any type" gets one (RFC 8482).
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.dns.contents import Contents, Node
from mailhub.dns.grammar import Kind, Query, Rcode, RecordSet, Response, Said

CHAIN = 8
"""CNAMEs that are followed within a zone."""
_WILDCARD = b"\x01*"
_REFUSED = Response(Rcode.REFUSED, authoritative=False)
Zones = Mapping[bytes, Contents]
"""By the zone's name on the wire, in lower case."""


def find(zones: Zones, name: bytes) -> Contents | None:
    """The zone that `name` is in."""
    while True:
        found = zones.get(name)
        if found is not None:
            return found
        if not name[0]:
            return None
        name = name[name[0] + 1 :]


def answer(zones: Zones, query: Query) -> Response:
    """The response to a question of class IN that is no transfer."""
    zone = find(zones, query.name)
    if zone is None or query.kind in (Kind.AXFR, Kind.IXFR, Kind.OPT):
        return _REFUSED
    return _Search(zone, query).response()


class _Search:
    """One question in one zone."""

    __slots__ = ("_answers", "_authorities", "_query", "_zone")

    def __init__(self, zone: Contents, query: Query) -> None:
        self._zone = zone
        self._query = query
        self._answers: list[Said] = []
        self._authorities: dict[bytes, Said] = {}

    def response(self) -> Response:
        """Follows aliases as far as they lead within the zone."""
        name = self._query.name
        for _ in range(CHAIN):
            alias = self._step(name)
            if isinstance(alias, Response):
                return alias
            name = alias
            if find({self._zone.origin: self._zone}, name) is None:
                break
        return self._done(Rcode.NOERROR)

    def _step(self, name: bytes) -> Response | bytes:
        """The response, or the name that an alias leads to."""
        zone = self._zone
        cut = self._cut(name)
        if cut and not (cut == name and self._query.kind == Kind.DS):
            return self._referral(cut)
        node = zone.nodes.get(name)
        if node is not None:
            return self._at(node, name, b"")
        above = name
        while above not in zone.nodes:
            above = above[above[0] + 1 :]
        source = _WILDCARD + above
        node = zone.nodes.get(source)
        if node is not None:
            self._prove(name)
            return self._at(node, name, source)
        self._prove(name)
        self._prove(source)
        return self._negative(Rcode.NXDOMAIN)

    def _cut(self, name: bytes) -> bytes:
        """The topmost delegation at or above `name`; empty: it is ours."""
        found = b""
        cuts = self._zone.cuts
        while cuts and name != self._zone.origin:
            if name in cuts:
                found = name
            name = name[name[0] + 1 :]
        return found

    def _at(self, node: Node, name: bytes, wildcard: bytes) -> Response | bytes:
        """What a node says. `wildcard`: where it stands itself, if not at `name`."""
        kind = self._query.kind
        alias = node.get(Kind.CNAME)
        if alias is not None and kind not in (Kind.CNAME, Kind.ANY, Kind.NSEC, Kind.RRSIG):
            self._answers.append(Said(alias, name))
            return alias.rows[0][10:].lower()
        found = self._chosen(node) if kind in (Kind.ANY, Kind.RRSIG) else node.get(kind)
        if found is None:
            self._nothing(node, wildcard or name)
            return self._negative(Rcode.NOERROR)
        if kind == Kind.RRSIG:
            found = RecordSet(found.owner, Kind.RRSIG, found.signatures)
        if not found.rows:
            return self._negative(Rcode.NOERROR)
        self._answers.append(Said(found, name))
        return self._done(Rcode.NOERROR)

    def _chosen(self, node: Node) -> RecordSet | None:
        """One set of several, for who asks for any (RFC 8482 4.1)."""
        return next(iter(node.values()), None)

    def _nothing(self, node: Node, name: bytes) -> None:
        """Proves that a name has no records of the type (RFC 4035 3.1.3.1)."""
        if not self._signed:
            return
        own = node.get(Kind.NSEC)
        if own is not None:
            self._say(own)
        else:
            self._prove(name)

    def _prove(self, name: bytes) -> None:
        """Proves that a name does not exist (RFC 4035 3.1.3.2)."""
        if self._signed:
            self._say(self._zone.covering(name))

    @property
    def _signed(self) -> bool:
        return self._zone.signed and self._query.secure

    def _say(self, records: RecordSet) -> None:
        self._authorities[records.owner] = Said(records, records.owner)

    def _negative(self, code: Rcode) -> Response:
        start = self._zone.negative
        proofs = tuple(self._authorities.values())
        return Response(
            code,
            self._zone.origin,
            answers=tuple(self._answers),
            authorities=(Said(start, start.owner), *proofs),
        )

    def _done(self, code: Rcode) -> Response:
        return Response(
            code,
            self._zone.origin,
            answers=tuple(self._answers),
            authorities=tuple(self._authorities.values()),
        )

    def _referral(self, cut: bytes) -> Response:
        """Who answers for a name that is not ours, and where to find them (RFC 4035 3.1.4)."""
        zone = self._zone
        node = zone.nodes[cut]
        servers = node[Kind.NS]
        authorities = [Said(servers, cut)]
        if self._signed:
            proof = node.get(Kind.DS) or node[Kind.NSEC]
            authorities.append(Said(proof, cut))
        glue = []
        for text in servers.rows:
            host = zone.nodes.get(text[10:].lower(), {})
            glue += [host[kind] for kind in (Kind.A, Kind.AAAA) if kind in host]
        return Response(
            Rcode.NOERROR,
            zone.origin,
            authoritative=bool(self._answers),
            answers=tuple(self._answers),
            authorities=tuple(authorities),
            additions=tuple(Said(one, one.owner) for one in glue),
        )
