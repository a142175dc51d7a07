"""Zones over a world in memory, with certificates and host keys that a test decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailhub.core.secondaries import Secondaries
from mailhub.core.zonefacts import Gathering
from mailhub.core.zonekeys import ZoneKeys
from mailhub.core.zones import Zones
from mailhub.model.settings_dns import DNSSettings
from tests.fakes import ListLog
from tests.signed import Workshop
from tests.world import HOSTNAME, World, world


@dataclass(slots=True)
class Facts:
    """`ports.CertificateFacts` and `ports.HostKeys`. `valid`: names with a certificate."""

    valid: set[str] = field(default_factory=set)
    digest: str = "ab" * 32

    def valid_for(self, name: str) -> bool:
        return name in self.valid

    def fingerprint(self) -> str:
        return self.digest

    def fingerprints(self) -> Sequence[str]:
        return ["4 2 " + "cd" * 32]


@dataclass(slots=True)
class Place:
    """A server with zones."""

    world: World
    facts: Facts
    zones: Zones
    secondaries: Secondaries
    keys: ZoneKeys


def place(here: World | None = None, *, sign: bool = False) -> Place:
    """Over this world, or one with the domain example.org."""
    here, facts = here or world(), Facts()
    chosen = DNSSettings(addresses=("192.0.2.1", "2001:db8::1"), sign=sign)
    services = [("_imaps._tcp", 993)]
    gathering = Gathering(here.store, facts, facts, HOSTNAME, chosen, services, "")
    zones = Zones(here.store, gathering, Workshop(), here.clock, chosen)
    keys = ZoneKeys(here.store, Workshop(), here.resolver, here.clock, ListLog(), signs=sign)
    return Place(here, facts, zones, Secondaries(zones, here.resolver), keys)
