"""The names under which this server is asked over HTTPS: each needs a certificate.

Zones say where these names are (`core.zonemaking`); what is shown there belongs to the web faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.core.zonemaking import zone_names, zone_of
from mailhub.model.errors import Invalid
from mailhub.model.zone import LOCAL, Site
from mailhub.ports import Storage
from mailhub.wire import address as grammar


class Reason(Enum):
    """Why a name is served."""

    SERVER = "server"
    """It is the server's own."""
    DOMAIN = "domain"
    """Mail comes to it."""
    WWW = "www"
    """`www.` before the top of a zone."""
    AUTOCONFIG = "autoconfig"
    AUTODISCOVER = "autodiscover"
    MTA_STS = "mta-sts"
    WANTED = "wanted"
    """The settings name it."""


@dataclass(frozen=True, slots=True)
class HostedName:
    """`name`: lower-case A-labels, or a wildcard. `domain`: whose it is. `zone`: the topmost of our
    names that it stands in. `elsewhere`: a custom record leads its visitors to another server."""

    name: str
    domain: str
    zone: str
    reason: Reason
    elsewhere: bool = False


class Hosted:
    """`hostname`: the server's. `extra`: names that the settings want certificates for."""

    def __init__(self, storage: Storage, hostname: str, extra: Sequence[str] = ()) -> None:
        self._storage = storage
        self._hostname = hostname.lower()
        self._extra = tuple(name.lower().rstrip(".") for name in extra)

    async def all(self) -> Sequence[HostedName]:
        """Every name, the server's own first, then by zone. Raises Unavailable."""
        # No authority vouches for `localhost`, and nobody visits it from outside.
        domains = [one.name for one in await self._storage.domains.all() if "." in one.name]
        zones = zone_names(Site(self._hostname), domains)
        elsewhere = await self._elsewhere()
        found: dict[str, HostedName] = {}

        def add(name: str, domain: str, reason: Reason) -> None:
            if name not in found:
                zone = zone_of(domain, zones)
                found[name] = HostedName(name, domain, zone, reason, name in elsewhere)

        add(self._hostname, self._hostname, Reason.SERVER)
        for domain in domains:
            add(domain, domain, Reason.DOMAIN)
        for zone in zones:
            add(f"www.{zone}", zone, Reason.WWW)
        for domain in domains:
            for reason in (Reason.AUTOCONFIG, Reason.AUTODISCOVER, Reason.MTA_STS):
                add(f"{reason.value}.{domain}", domain, reason)
        for name in self._extra:
            bare = name.removeprefix("*.")
            add(name, bare, Reason.WANTED)
        own = zone_of(self._hostname, zones)
        return sorted(
            found.values(),
            key=lambda one: (one.name != self._hostname, one.zone != own, one.zone, one.name),
        )

    async def _elsewhere(self) -> frozenset[str]:
        """Names that custom records lead away from here."""
        return frozenset(
            one.name
            for one in await self._storage.zones.records()
            if one.kind in ("A", "AAAA", "CNAME") and one.value != LOCAL
        )

    async def get(self, name: str) -> HostedName | None:
        """One of them, None where it is not served here."""
        try:
            name = grammar.domain(name)
        except Invalid:
            return None
        return next((one for one in await self.all() if one.name == name), None)
