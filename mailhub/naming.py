"""Composes zones of the DNS, and the name server that answers for them.

A part of the composition root, apart from it for its size. No rule of zones may live here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.core.secondaries import Secondaries
from mailhub.core.zonefacts import Gathering
from mailhub.core.zones import Zones
from mailhub.dns.keeping import Keeping
from mailhub.dns.notices import Notices
from mailhub.dns.server import NameServer
from mailhub.dns.talk import Talk
from mailhub.model.settings import Settings
from mailhub.net.clock import ReactorClock
from mailhub.net.hostkeys import HostKeyFolder
from mailhub.net.keymaking import ThreadKeyMaking
from mailhub.ports import (
    CertificateFacts,
    CertificateFiles,
    Clock,
    Log,
    Randomness,
    Resolver,
    Storage,
)
from mailhub.service import Step

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


def name_server(settings: Settings, reactor: Any, log: Log) -> NameServer | None:
    """The name server, which binds its ports early; None where none is wanted."""
    if not settings.dns.listen:
        return None
    talk = Talk(settings.dns.rate)
    return NameServer(settings.dns, talk, reactor, ReactorClock(reactor), log)


def serving(
    server: NameServer | None,
    naming: Naming,
    storage: Storage,
    certificates: CertificateFiles,
    randomness: Randomness,
) -> Sequence[Step]:
    """What keeps the name server in step with the store and with certificates."""
    if server is None:
        return ()
    keeping = Keeping(
        naming.zones, naming.secondaries, server.talk, server.clock, server.log, server.tell
    )
    ends: list[Callable[[], None]] = []

    def start() -> None:
        ends.append(storage.watch(server.heard))
        certificates.watch(server.look)
        naming.zones.served_by(keeping.serve)
        server.start(keeping, Notices(randomness))

    async def stop() -> None:
        for end in ends:
            end()
        await server.stop()

    return (Step("name server", start, stop),)
