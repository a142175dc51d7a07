"""Composes zones of the DNS: what they are made of, and where services are that they tell of.

A part of the composition root, apart from it for its size. No rule of zones may live here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.core.secondaries import Secondaries
from mailhub.core.zonefacts import Gathering
from mailhub.core.zones import Zones
from mailhub.model.settings import Settings
from mailhub.net.hostkeys import HostKeyFolder
from mailhub.net.keymaking import ThreadKeyMaking
from mailhub.ports import CertificateFacts, Clock, Resolver, Storage

LABELS: Mapping[tuple[str, str], str] = {
    ("imap", "implicit"): "_imaps._tcp",
    ("pop3", "implicit"): "_pop3s._tcp",
    ("submission", "implicit"): "_submissions._tcp",
    ("submission", "starttls"): "_submission._tcp",
    ("managesieve", "starttls"): "_sieve._tcp",
}
"""Services that programs look for, by kind of listener (RFC 6186, RFC 8314, RFC 5804)."""
_ENDPOINT = re.compile(r"tcp6?:(?:port=)?(\d+)(?::|\Z)")
_LOOPBACK = re.compile(r":interface=(?:127\.|\\:\\:1|localhost)")


@dataclass(frozen=True, slots=True)
class Naming:
    """Zones, and the servers that fetch them."""

    zones: Zones
    secondaries: Secondaries


def compose(
    settings: Settings,
    storage: Storage,
    certificates: CertificateFacts,
    resolver: Resolver,
    reactor: Any,
    clock: Clock,
    hostname: str,
) -> Naming:
    """Zones of this server."""
    gathering = Gathering(
        storage,
        certificates,
        HostKeyFolder(settings.dns.host_keys),
        hostname,
        settings.dns,
        services(settings),
        settings.reports.receive,
    )
    zones = Zones(storage, gathering, ThreadKeyMaking(reactor), clock, settings.dns)
    return Naming(zones, Secondaries(zones, resolver))


def services(settings: Settings) -> Sequence[tuple[str, int]]:
    """SRV label and port of each service that is offered to others than this machine."""
    found: dict[str, int] = {}
    for listener in settings.listener:
        label = LABELS.get((listener.service, listener.tls))
        endpoint = _ENDPOINT.match(listener.endpoint)
        if label and endpoint and not _LOOPBACK.search(listener.endpoint):
            found.setdefault(label, int(endpoint[1]))
    return sorted((label, port) for label, port in found.items() if port)
