"""Looks at a zone: who answers for it, whether the zone above points to the key that signs it
(RFC 4034 5), and whether the servers that fetch it have what we have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mailhub.core.checkup.means import Check, Facts, Means
from mailhub.model.checkup import Detail, Finding, error, ok, unsure, warning
from mailhub.model.errors import MailhubError, NotFound, Unavailable
from mailhub.wire import zonefile

ALGORITHMS = {
    "5": "RSASHA1",
    "7": "RSASHA1-NSEC3",
    "8": "RSASHA256",
    "10": "RSASHA512",
    "13": "ECDSAP256SHA256",
    "14": "ECDSAP384SHA384",
    "15": "ED25519",
    "16": "ED448",
}
DIGESTS = {"1": "SHA-1", "2": "SHA-256", "4": "SHA-384"}


class ZoneLooks:
    """What the chapter on a domain says where it is the top of a zone."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def checks(self, zone: str, facts: Facts) -> Sequence[Check]:
        """All of them."""
        checks: list[Check] = [("ns", partial(self._servers, zone, facts))]
        checks.append(("ds", partial(self._signed, zone, facts)))
        if self._means.serves:
            serial = facts.serials.get(zone, 0)
            checks += [
                (f"secondary {one}", partial(self._secondary, zone, one, serial))
                for one in facts.secondaries
            ]
        return checks

    async def _servers(self, zone: str, facts: Facts) -> Sequence[Finding]:
        """Who answers for it, as the DNS says."""
        host = self._means.hostname
        wanted = {f"ns1.{host}", *(facts.secondaries or [f"ns2.{host}"])}
        found = {str(one) for one in await self._means.query(zone, "NS")}
        shown = ", ".join(sorted(found))
        if not found:
            said = f"Nobody answers for {zone} in the DNS."
            mend = f"Register it, and name its servers there: {', '.join(sorted(wanted))}."
            return [error("ns", said, mend)]
        if found == wanted:
            return [ok("ns", f"{shown} answer for {zone}.")]
        here = "Set the name servers at the registrar:"
        lines = [Detail(zonefile.line(zone, "NS", f"{one}."), True) for one in sorted(wanted)]
        if found & wanted:
            said = f"Others answer for {zone} than those that should: {shown}."
            return [warning("ns", said, here, *lines)]
        if self._means.serves:
            said = f"{shown} answer for {zone}, so what this server says of it is not seen."
            mend = "Enter our records there, or set the name servers at the registrar:"
            return [warning("ns", said, mend, *lines)]
        return [ok("ns", f"{shown} answer for {zone}; each record is looked at by itself.")]

    async def _signed(self, zone: str, facts: Facts) -> Sequence[Finding]:
        """Whether the chain from the zone above leads to our key."""
        means = self._means
        asks = facts.pointers.get(zone) if means.serves else None
        ours = list(await asks()) if asks is not None else []
        above = [str(one) for one in await means.query(zone, "DS")]
        if not above:
            if not ours:
                return ()
            said = f"{zone} is signed, but the zone above does not say so: nobody verifies it."
            mend = "Enter one of these DS records at the registrar:"
            return [warning("ds", said, mend, *_lines(zone, ours), *map(_explained, ours))]
        broken = await self._is_refused(zone)
        if not means.serves:
            # Whoever answers for it signs it: only whether that is believed can be told from here.
            if broken:
                return [_refused(zone, broken, above)]
            return [ok("ds", f"The zone above says that {zone} is signed.")]
        if not ours:
            said = f"The zone above says that {zone} is signed, and it is not: it is not found."
            mend = "Remove the DS records at the registrar, or sign the zone (dns.sign)."
            return [error("ds", said, mend, *_lines(zone, above))]
        known = {_normal(one) for one in ours}
        right = [one for one in above if _normal(one) in known]
        if not right:
            said = f"The DS records of {zone} at the zone above are of another key: it is not found"
            mend = "Replace them at the registrar by:"
            there = [Detail(f"There is: {one}", True) for one in above]
            return [error("ds", f"{said} by who verifies.", mend, *_lines(zone, ours), *there)]
        if broken:
            return [_refused(zone, broken, above)]
        algorithms = {one.split()[1] for one in ours}
        stale = [one for one in above if one.split()[1] not in algorithms]
        if stale:
            said = f"The zone above has DS records of {zone} for an algorithm that signs nothing."
            mend = "Remove these at the registrar:"
            return [warning("ds", said, mend, *_lines(zone, stale), *map(_explained, stale))]
        answer = await means.answer(zone, "SOA")
        said = f"The zone above points to the key of {zone}"
        if answer.authentic:
            return [ok("ds", f"{said}, and our resolver verifies it (DNSSEC).")]
        return [ok("ds", f"{said} (DNSSEC); our resolver does not say whether it verifies.")]

    async def _is_refused(self, zone: str) -> str:
        """What the resolver says where it does not believe the zone; empty where it does."""
        try:
            await self._means.resolver.query(zone, "SOA")
        except NotFound:
            return ""
        except Unavailable as problem:
            return problem.text
        return ""

    async def _secondary(self, zone: str, host: str, serial: int) -> Sequence[Finding]:
        """A server that fetches the zone has the version that we published last."""
        what = f"secondary {host}"
        addresses = await self._means.addresses_of(host)
        if not addresses:
            said = f"The name server {host} has no address in the DNS."
            return [error(what, said, "Correct its name on the page of name servers.")]
        try:
            answer = await self._means.asking(addresses[0]).query(zone, "SOA")
        except MailhubError as problem:
            said = f"The name server {host} does not answer for {zone}."
            mend = "Let it fetch the zone from here (AXFR), and look at its log."
            return [error(what, said, mend, Detail(problem.text))]
        seen = [one[2] for one in answer.records]
        if not seen:
            said = f"The name server {host} does not know {zone}."
            return [error(what, said, "Make it a secondary of the zone.")]
        if serial and seen[0] != serial:
            said = f"The name server {host} has version {seen[0]} of {zone}; ours is {serial}."
            return [unsure(what, f"{said} It fetches it within two hours.")]
        return [ok(what, f"The name server {host} has {zone} as it is.")]


def _refused(zone: str, why: str, above: Sequence[str]) -> Finding:
    said = f"Our resolver does not believe {zone}, as others that verify signatures will not."
    mend = "See whether the DS records at the registrar are those of the key that signs:"
    return error("ds", said, mend, *_lines(zone, above), Detail(why))


def _lines(zone: str, records: Sequence[str]) -> list[Detail]:
    return [Detail(f"{zone}. IN DS {one}", literal=True) for one in records]


def _explained(record: str) -> Detail:
    """The fields of a DS record by name, as forms of registrars ask for them."""
    tag, algorithm, kind, *_ = record.split()
    named = f"Key tag: {tag}; algorithm: {algorithm} / {ALGORITHMS.get(algorithm, 'unknown')}"
    return Detail(f"{named}; digest type: {kind} / {DIGESTS.get(kind, 'unknown')}")


def _normal(record: str) -> tuple[str, str, str, str]:
    """So that it can be compared: the digest may be written in pieces, in any case."""
    tag, algorithm, kind, *digest = record.split()
    return tag, algorithm, kind, "".join(digest).lower()
