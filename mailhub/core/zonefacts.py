"""What zones are made of, gathered: mail domains, keys, certificates, custom records.

Reads what others keep; makes no record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from mailhub.core import zonemaking
from mailhub.core.signing import record, record_name
from mailhub.model.dkim import KeyState
from mailhub.model.settings_dns import DNSSettings
from mailhub.model.zone import CustomRecord, MailDomain, Site, ZoneKey, ZoneState
from mailhub.policy.sts_announced import policy_id
from mailhub.ports import CertificateFacts, HostKeys, Storage


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one moment. `domains`, `custom`: by the zone that they belong to; custom records of
    names that are no longer ours are left out. `zones`: in alphabetical order."""

    site: Site
    zones: Sequence[str]
    domains: Mapping[str, Sequence[MailDomain]]
    custom: Mapping[str, Sequence[CustomRecord]]
    states: Mapping[str, ZoneState]
    keys: Mapping[str, Sequence[ZoneKey]]


class Gathering:
    """`services`: ports by SRV label. `reports`: the address that reports go to, or empty."""

    def __init__(
        self,
        storage: Storage,
        certificates: CertificateFacts,
        host_keys: HostKeys,
        hostname: str,
        settings: DNSSettings,
        services: Sequence[tuple[str, int]],
        reports: str,
    ) -> None:
        self._storage = storage
        self._certificates = certificates
        self._host_keys = host_keys
        self._hostname = hostname.lower()
        self._settings = settings
        self._services = tuple(services)
        self._reports = reports

    async def facts(self, extra: Sequence[CustomRecord] = ()) -> Facts:
        """What is true now. `extra`: records that stand for a moment."""
        known = self._storage.zones
        # First: who publishes what is older than these versions meets a conflict.
        states, keys = await known.states(), await known.keys()
        domains = await self._domains()
        zones = zonemaking.zone_names(Site(self._hostname), [domain.name for domain in domains])
        site = await self._site([domain.name for domain in domains])
        by_zone: dict[str, list[MailDomain]] = {zone: [] for zone in zones}
        for domain in domains:
            zone = zonemaking.zone_of(domain.name, by_zone)
            if zone:
                by_zone[zone].append(domain)
        custom: dict[str, list[CustomRecord]] = {zone: [] for zone in zones}
        for one in (*await known.records(), *extra):
            zone = zonemaking.zone_of(one.name, custom)
            if zone:
                custom[zone].append(one)
        return Facts(site, zones, by_zone, custom, states, keys)

    async def zones(self) -> list[str]:
        """The names of all zones."""
        return zonemaking.zone_names(Site(self._hostname), await self.mail_names())

    async def mail_names(self) -> frozenset[str]:
        """Names at which mail arrives: nothing may take their records away."""
        domains = await self._storage.domains.all()
        return frozenset({self._hostname, *(one.name for one in domains if "." in one.name)})

    async def _site(self, domains: Sequence[str]) -> Site:
        addresses = {ip_address(one).version: one for one in self._settings.addresses}
        return Site(
            hostname=self._hostname,
            ipv4=addresses.get(4, ""),
            ipv6=str(ip_address(addresses[6])) if 6 in addresses else "",
            fingerprint=self._certificates.fingerprint(),
            host_keys=tuple(self._host_keys.fingerprints()),
            services=self._services,
            calendars=self._settings.calendars.lower(),
            reports=self._reports,
            secondaries=tuple(await self._storage.zones.secondaries()),
            domains=tuple(domains),
        )

    async def _domains(self) -> list[MailDomain]:
        keys: dict[str, list[tuple[str, str]]] = {}
        for key in await self._storage.dkim_keys.all():
            if key.state is not KeyState.RETIRED:
                keys.setdefault(key.domain, []).append((record_name(key), record(key)))
        personal = await self._storage.zones.personal()
        found = self._certificates.valid_for(self._hostname)
        policy = policy_id(self._hostname)
        return [
            MailDomain(
                name=one.name,
                personal=one.name in personal,
                keys=tuple(sorted(keys.get(one.name, ()))),
                policy=policy if found and self._has_policy(one.name) else "",
            )
            for one in await self._storage.domains.all()
            if "." in one.name
        ]

    def _has_policy(self, domain: str) -> bool:
        return self._certificates.valid_for(f"mta-sts.{domain}")
