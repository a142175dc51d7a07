"""What every zone says: generated from mail domains, overridden by custom records.

Pure: the same inputs give the same records. Who gives the inputs and when zones are new is
`core.zones`'. However custom records and domains came together over the years, what comes out is
always a zone that loads: no CNAME beside other data, nothing but glue below a delegation, one TTL
for all records of a name and type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from mailhub.model.zone import LOCAL, SOA, CustomRecord, MailDomain, Origin, Record, Site
from mailhub.wire import zonerecord

TTL = 86400
CUSTOM_TTL = 1800
"""Seconds; what people change by hand or by dynamic DNS should be seen soon."""
STEP = 50
"""Records that are made at a time."""
MX_PRIORITY = 10
SET_BY_USER = "(Set by user.)"
_OVERRIDDEN_BY_PREFIX = ("v=spf1", "v=DKIM1", "v=DMARC1", "v=STSv1", "v=TLSRPTv1")
_SRV: Mapping[str, str] = {
    "_imaps._tcp": "mail programs find IMAP over TLS",
    "_submissions._tcp": "mail programs find where to send mail over TLS",
    "_submission._tcp": "mail programs find where to send mail with STARTTLS",
    "_pop3s._tcp": "mail programs find POP3 over TLS",
    "_sieve._tcp": "mail programs find where filters are kept",
}


def zone_names(site: Site, domains: Iterable[str]) -> list[str]:
    """The topmost of all names that are ours, in alphabetical order."""
    names = {site.hostname, *domains}
    return sorted(name for name in names if not any(above in names for above in _above(name)))


def zone_of(name: str, zones: Container[str]) -> str:
    """The zone that a name belongs to; empty where none does."""
    return next((one for one in (name, *_above(name)) if one in zones), "")


def _above(name: str) -> Iterator[str]:
    while "." in name:
        name = name.partition(".")[2]
        yield name


def soa(site: Site) -> SOA:
    """The start of authority of each zone."""
    return SOA(primary=f"ns1.{site.hostname}", mbox=f"hostmaster.{site.hostname}")


def digest(records: Sequence[Record], start: SOA, key: str) -> Generator[None, None, str]:
    """Of all that a zone says but its serial. `key`: what signs it, or empty."""
    told = hashlib.sha256(repr((start, key)).encode())
    for number, one in enumerate(records):
        told.update(repr((one.name, one.kind, one.value, one.ttl)).encode())
        if number % STEP == STEP - 1:
            yield
    return told.hexdigest()


def compose(
    zone: str, site: Site, domains: Sequence[MailDomain], custom: Sequence[CustomRecord]
) -> Generator[None, None, tuple[Record, ...]]:
    """The records of one zone without its SOA, apex first. `domains`, `custom`: those of this
    zone alone. Stops every millisecond or so."""
    making = _Making(zone, site, domains, custom)
    records = yield from making.records()
    return (yield from _sound(zone, records))


def _slowly(records: Iterable[Record]) -> Generator[None, None, list[Record]]:
    """All of them, some at a time."""
    made = []
    for number, one in enumerate(records):
        made.append(one)
        if number % STEP == STEP - 1:
            yield
    return made


@dataclass(frozen=True, slots=True)
class _Making:
    """One zone in the making."""

    zone: str
    site: Site
    domains: Sequence[MailDomain]
    custom: Sequence[CustomRecord]

    def records(self) -> Generator[None, None, list[Record]]:
        """All that it is to have, sound or not."""
        own = [one for one in self.custom if not self._is_fixed(one)]
        given = _Given(own, {self.site.hostname, *(one.name for one in self.domains)})
        generated = (one for one in self._generated() if not given.overrides(one))
        added = (one for record in own for one in self._custom(record))
        made = yield from _slowly(chain(self._apex(), generated, added))
        silent = (one for one in self._silent(made) if not given.overrides(one))
        return made + (yield from _slowly(silent))

    def _is_fixed(self, one: CustomRecord) -> bool:
        """Whether others rely on what is generated there: where this server is."""
        host = self.site.hostname
        servers = (host, f"ns1.{host}", f"ns2.{host}")
        return one.kind in ("A", "AAAA", "CNAME") and one.name in servers

    def _apex(self) -> Iterator[Record]:
        for host in self.site.name_servers:
            yield Record(self.zone, "NS", f"{host}.", TTL, "Required. The zone's name servers.")

    def _generated(self) -> Iterator[Record]:
        host = self.site.hostname
        if zone_of(host, [self.zone]):
            yield from self._server(host)
            if all(one.name != host for one in self.domains):
                yield from self._mail(MailDomain(host))
        for domain in self.domains:
            yield from self._mail(domain)
            yield from self._found(domain)
        seen = {host}
        for name, why in self._hosts():
            if name not in seen:
                seen.add(name)
                yield from self._addresses(name, why)

    def _server(self, host: str) -> Iterator[Record]:
        """This machine."""
        yield from self._addresses(host, "Required. The address of the mail server.")
        for name in (f"ns1.{host}", f"ns2.{host}"):
            yield from self._addresses(name, "Required. The address of a name server.")
        if self.site.fingerprint:
            value = f"3 1 1 {self.site.fingerprint}"
            for port, what in (("_25._tcp", "mail"), ("_443._tcp", "web")):
                why = f"Recommended. With DNSSEC it proves the {what} server's certificate (DANE)."
                yield Record(f"{port}.{host}", "TLSA", value, TTL, why)
        why = "Optional. Proves this machine's SSH host key; see VerifyHostKeyDNS of ssh."
        for text in self.site.host_keys:
            yield Record(host, "SSHFP", text, TTL, why)

    def _mail(self, domain: MailDomain) -> Iterator[Record]:
        """What makes mail of a domain come here and its own mail trusted."""
        name, host, rua = domain.name, self.site.hostname, self.site.reports
        why = (
            "Required. Specifies the hostname (and priority) of the machine that handles"
            f" @{name} mail."
        )
        yield Record(name, "MX", f"{MX_PRIORITY} {host}.", TTL, why)
        why = f"Recommended. Says that only this server sends mail from @{name} (SPF)."
        yield Record(name, "TXT", "v=spf1 mx -all", TTL, why)
        why = f"Recommended. Proves that mail from @{name} was signed by this server (DKIM)."
        for place, text in domain.keys:
            yield Record(place, "TXT", text, TTL, why)
        told = f" rua=mailto:{rua};" if rua else ""
        why = f"Recommended. Asks others to put forged mail from @{name} aside (DMARC)."
        yield Record(f"_dmarc.{name}", "TXT", f"v=DMARC1; p=quarantine;{told}", TTL, why)
        if rua:
            why = "Optional. Where others report how deliveries over TLS went (TLS-RPT)."
            yield Record(f"_smtp._tls.{name}", "TXT", f"v=TLSRPTv1; rua=mailto:{rua}", TTL, why)
            if rua.rpartition("@")[2] == name:
                yield from self._reported(name)
        if domain.policy:
            why = "Recommended. Says that a policy demands TLS of who delivers here (MTA-STS)."
            text = f"v=STSv1; id={domain.policy}"
            yield Record(f"_mta-sts.{name}", "TXT", text, TTL, why)

    def _reported(self, name: str) -> Iterator[Record]:
        """Lets reports about our other domains go to an address here (RFC 7489 7.1)."""
        why = "Recommended. Lets reports about another domain come here."
        for other in self.site.domains:
            if other != name:
                yield Record(f"{other}._report._dmarc.{name}", "TXT", "v=DMARC1;", TTL, why)

    def _found(self, domain: MailDomain) -> Iterator[Record]:
        """How programs find the servers of people's addresses (RFC 6186, RFC 6764)."""
        if not domain.personal:
            return
        host = self.site.hostname
        for label, port in self.site.services:
            why = f"Recommended. So {_SRV[label]}."
            yield Record(f"{label}.{domain.name}", "SRV", f"0 1 {port} {host}.", TTL, why)
        if self.site.calendars:
            for label, what in (("_caldavs._tcp", "calendars"), ("_carddavs._tcp", "contacts")):
                value = f"0 0 443 {self.site.calendars}."
                why = f"Recommended. So programs find {what}."
                yield Record(f"{label}.{domain.name}", "SRV", value, TTL, why)

    def _hosts(self) -> Iterator[tuple[str, str]]:
        """Names that this server serves over HTTP, and why."""
        why = "Optional. The address of the web server that answers for this name."
        yield self.zone, why
        yield f"www.{self.zone}", why
        for domain in self.domains:
            yield domain.name, why
            policy = "Recommended. Where the policy of MTA-STS is read."
            yield f"mta-sts.{domain.name}", policy
            if domain.personal:
                found = "Recommended. Where mail programs ask for their settings."
                yield f"autoconfig.{domain.name}", found
                yield f"autodiscover.{domain.name}", found

    def _addresses(self, name: str, why: str) -> Iterator[Record]:
        if self.site.ipv4:
            yield Record(name, "A", self.site.ipv4, TTL, why)
        if self.site.ipv6:
            yield Record(name, "AAAA", self.site.ipv6, TTL, why)

    def _custom(self, one: CustomRecord) -> Iterator[Record]:
        value = one.value
        if value == LOCAL and one.kind in ("A", "AAAA"):
            value = self.site.ipv4 if one.kind == "A" else self.site.ipv6
        if value:
            yield Record(one.name, one.kind, value, CUSTOM_TTL, SET_BY_USER, Origin.CUSTOM)

    def _silent(self, made: Sequence[Record]) -> Iterator[Record]:
        """Names with an address and no mail say so (RFC 7505; RFC 7489 for forged mail)."""
        mail = {one.name for one in made if one.kind == "MX"}
        host = self.site.hostname
        servers = {f"ns1.{host}", f"ns2.{host}"}
        names = dict.fromkeys(one.name for one in made if one.kind in ("A", "AAAA"))
        for name in names:
            if name in mail or name in servers:
                continue
            why = "Recommended. Says that nobody sends mail from this name (SPF)."
            yield Record(name, "TXT", "v=spf1 -all", TTL, why)
            if not name.startswith("*."):
                why = "Recommended. Asks others to reject mail from this name (DMARC)."
                yield Record(f"_dmarc.{name}", "TXT", "v=DMARC1; p=reject;", TTL, why)
            why = "Recommended. Says that this name takes no mail."
            yield Record(name, "MX", "0 .", TTL, why)


class _Given:
    """Which generated records give way to custom ones. `mail`: names that need their own."""

    def __init__(self, custom: Sequence[CustomRecord], mail: Collection[str]) -> None:
        self._mail = mail
        self._values: dict[tuple[str, str], list[str]] = {}
        for one in custom:
            self._values.setdefault((one.name, one.kind), []).append(one.value)

    def _has(self, name: str, kind: str) -> bool:
        return (name, kind) in self._values

    def overrides(self, record: Record) -> bool:
        """Whether a generated record is left out: TXT by its purpose, MX by its priority."""
        name, kind = record.name, record.kind
        if self._has(name, "CNAME") and name not in self._mail:
            return True
        values = self._values.get((name, kind), ())
        if record.value.startswith("v=STSv1") and self._has(name.partition(".")[2], "MX"):
            return True  # the policy demands our own server, and mail goes elsewhere
        if kind == "TXT":
            return any(
                record.value.startswith(start) and value.lower().startswith(start.lower())
                for start in _OVERRIDDEN_BY_PREFIX
                for value in values
            )
        if kind == "MX":
            return any(value.partition(" ")[0] == str(MX_PRIORITY) for value in values)
        if values:
            return True
        return kind == "AAAA" and any(one != LOCAL for one in self._values.get((name, "A"), ()))


def _sound(zone: str, records: Sequence[Record]) -> Generator[None, None, tuple[Record, ...]]:
    """Records that a zone can hold together, in order and without repeats."""
    unique = _unique(records)
    yield
    above = yield from _slowly(_above_cuts(zone, unique))
    kept = yield from _slowly(_without_lost_aliases(zone, above))
    names: dict[str, list[Record]] = {}
    for one in kept:
        names.setdefault(one.name, []).append(one)
    yield
    order = sorted(names, key=lambda name: name.removesuffix(zone).split(".")[::-1])
    yield
    return tuple((yield from _slowly(one for name in order for one in _fitted(names[name]))))


def _fitted(records: Sequence[Record]) -> Iterator[Record]:
    """The records of one name in order, with one TTL for each type."""
    least: dict[str, int] = {}
    for one in records:
        least[one.kind] = min(one.ttl, least.get(one.kind, one.ttl))
    for one in sorted(records, key=_order):
        yield one if one.ttl == least[one.kind] else replace(one, ttl=least[one.kind])


def _unique(records: Sequence[Record]) -> list[Record]:
    """The last of equal records: a custom one says who wanted it."""
    return list({(one.name, one.kind, one.value): one for one in records}.values())


def _above_cuts(zone: str, records: Sequence[Record]) -> Iterator[Record]:
    """Without what others answer for: at a delegation stand its NS and DS, below it glue."""
    cuts = {one.name for one in records if one.kind == "NS" and one.name != zone}
    cuts = {name for name in cuts if not any(above in cuts for above in _above(name))}
    glue = {zonerecord.target("NS", one.value) for one in records if one.kind == "NS"}

    def stays(one: Record) -> bool:
        cut = next((above for above in (one.name, *_above(one.name)) if above in cuts), "")
        if not cut:
            return one.kind != "DS"
        if one.name == cut and one.kind in ("NS", "DS"):
            return True
        return one.kind in ("A", "AAAA") and one.name in glue

    return (one for one in records if stays(one))


def _without_lost_aliases(zone: str, records: Sequence[Record]) -> Iterator[Record]:
    """A CNAME stands alone or not at all, and never at the top (RFC 1034 3.6.2, RFC 1912 2.4)."""
    others = {one.name for one in records if one.kind != "CNAME"}
    seen: set[str] = set()
    for one in records:
        if one.kind == "CNAME":
            if one.name in others or one.name == zone or one.name in seen:
                continue
            seen.add(one.name)
        yield one


_FIRST = {kind: place for place, kind in enumerate(("NS", "A", "AAAA", "MX", "TXT"))}


def _order(one: Record) -> tuple[int, str, str]:
    return _FIRST.get(one.kind, len(_FIRST)), one.kind, one.value
