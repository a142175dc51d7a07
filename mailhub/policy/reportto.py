"""Where a domain wants its reports (RFC 9990 3.5 and 4, RFC 8460 3): records to destinations.

A destination that a record merely names could be a victim: for DMARC it must say in its own zone
that it wants them. What is sent there is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mailhub.model.errors import Invalid, NotFound
from mailhub.policy import dmarcrecord
from mailhub.policy.dmarcrecord import Records
from mailhub.ports import Resolver
from mailhub.wire import address, tags

DESTINATIONS = 5
"""Destinations of one domain that are used (RFC 9990 3.5 lets receivers have a limit)."""
URI = 1000
"""Characters of a URI."""
_LIMIT = re.compile(r"(.*)!([0-9]{1,12})([kmgt]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_NAME = 253
"""Octets of a DNS name."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A mail address, or an HTTPS URL. `limit`: octets of a report as it travels; 0: none said."""

    address: str = ""
    url: str = ""
    limit: int = 0

    @property
    def host(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]


def parse(uri: str, *, web: bool) -> Destination | None:
    """None where nothing can be sent there. `web`: whether https: may be."""
    if len(uri) > URI:
        return None
    scheme, _, rest = uri.strip().partition(":")
    scheme = scheme.lower()
    if scheme == "https" and web:
        return _web(uri.strip())
    if scheme != "mailto":
        return None
    limited = None if web else _LIMIT.fullmatch(rest)
    limit = 0
    if limited is not None:
        rest, limit = limited[1], int(limited[2]) * _UNITS[limited[3].lower()]
    try:
        name = address.join(*address.split(unquote(rest.partition("?")[0])))
    except Invalid:
        return None
    return Destination(name, limit=limit)


def _web(uri: str) -> Destination | None:
    try:
        parts = urlsplit(uri)
        usable = bool(parts.hostname) and uri.isascii() and uri.isprintable() and " " not in uri
    except ValueError:
        return None
    return Destination(url=uri) if usable else None


async def dmarc(resolver: Resolver, domain: str) -> Sequence[Destination]:
    """Where aggregate reports about `domain`, at which a policy was found, go: as its record says
    now, and as the destinations agree. Raises Unavailable."""
    records = Records(resolver)
    record = await records.at(domain)
    wanted = record.reports[:DESTINATIONS] if record is not None else ()
    found: list[Destination] = []
    for uri in wanted:
        destination = parse(uri, web=False)
        if destination is not None:
            found += await _agreed(resolver, records, domain, destination)
    return list(dict.fromkeys(found))[:DESTINATIONS]


async def _agreed(
    resolver: Resolver, records: Records, domain: str, wanted: Destination
) -> Sequence[Destination]:
    """The destination itself, what it names in its place, or nothing (RFC 9990 4)."""
    host = wanted.host
    if host.startswith("["):
        return ()
    if host == domain or await records.organization(host) == await records.organization(domain):
        return (wanted,)
    name = f"{domain}._report._dmarc.{host}"
    if len(name) > _NAME:
        return ()
    try:
        answer = await resolver.query(name, "TXT")
    except NotFound:
        return ()
    said = [one for text in answer.records if (one := dmarcrecord.parse(text)) is not None]
    if not said:
        return ()
    instead = [parse(uri, web=False) for one in said for uri in one.reports]
    if not instead:
        return (wanted,)
    # One that leads to a third host could lead on and on: then there is none at all.
    usable = [one for one in instead if one is not None and one.host == host]
    return usable if len(usable) == len(instead) else ()


async def tls(resolver: Resolver, domain: str) -> Sequence[Destination]:
    """Where TLS reports about `domain` go. Raises Unavailable."""
    try:
        answer = await resolver.query(f"_smtp._tls.{domain}", "TXT")
    except NotFound:
        return ()
    found = [text for text in answer.records if text.startswith(b"v=TLSRPTv1;")]
    if len(found) != 1:
        return ()
    try:
        said = tags.parse(found[0]).get("rua", "")
    except Invalid:
        return ()
    read = [parse(uri, web=True) for uri in said.split(",")]
    return [one for one in dict.fromkeys(read) if one is not None][:DESTINATIONS]
