"""Composes zones of the DNS, and the name server that answers for them.

A part of the composition root, apart from it for its size. No rule of zones may live here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mailhub.core.secondaries import Secondaries
from mailhub.core.zonefacts import Gathering
from mailhub.core.zonehanding import Handing
from mailhub.core.zonekeys import ZoneKeys
from mailhub.core.zones import Zones
from mailhub.dns.keeping import Keeping
from mailhub.dns.notices import Notices
from mailhub.dns.sealing import Sealing
from mailhub.dns.server import AGAIN, NameServer
from mailhub.dns.talk import Talk
from mailhub.ground import SystemRandomness
from mailhub.model.change import AddressesChanged, Change, Missed, ZonesChanged
from mailhub.model.settings import Settings
from mailhub.net.clock import ReactorClock
from mailhub.net.hostkeys import HostKeyFolder
from mailhub.net.keymaking import ThreadKeyMaking
from mailhub.net.knot import KnotServer
from mailhub.net.shelf import FileShelf
from mailhub.net.stirred import Stirred
from mailhub.net.update import UpdateServer
from mailhub.ports import (
    CertificateFacts,
    CertificateFiles,
    Clock,
    Log,
    Randomness,
    Resolver,
    Storage,
    ZoneServer,
)
from mailhub.ports.leases import Lease
from mailhub.service import Step
from mailhub.wire.dnsname import server_address
from mailhub.wire.dnsupdate import parse_key

LABELS: Mapping[tuple[str, str], str] = {
    ("imap", "implicit"): "_imaps._tcp",
    ("pop3", "implicit"): "_pop3s._tcp",
    ("submission", "implicit"): "_submissions._tcp",
    ("submission", "starttls"): "_submission._tcp",
    ("managesieve", "starttls"): "_sieve._tcp",
}
"""Services that programs look for, by kind of listener (RFC 6186, RFC 8314, RFC 5804)."""
SECRET = 32
"""Octets that cookies are made with; others after each start."""
HANDED = "handed-zones.json"
"""Remembers, in the data folder, what was handed to another server."""
SOON = 0.2
"""Seconds after a change until zones are looked at: what comes together is seen at once."""
LATER = 5.0
"""The same, after a change of addresses."""
_ENDPOINT = re.compile(r"tcp6?:(?:port=)?(\d+)(?::|\Z)")
_LOOPBACK = re.compile(r":interface=(?:127\.|\\:\\:1|localhost)")


@dataclass(frozen=True, slots=True)
class Naming:
    """Zones, their keys, the servers that fetch them, and another program that answers for them,
    with what has to be remembered of it."""

    zones: Zones
    secondaries: Secondaries
    keys: ZoneKeys
    elsewhere: ZoneServer | None = None
    shelf: FileShelf | None = None


def compose(
    settings: Settings,
    storage: Storage,
    certificates: CertificateFacts,
    resolver: Resolver,
    reactor: Any,
    clock: Clock,
    log: Log,
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
    making = ThreadKeyMaking(reactor)
    zones = Zones(storage, gathering, making, clock, settings.dns)
    elsewhere, shelf = _elsewhere(settings, reactor, log)
    if elsewhere is not None:
        zones.signed_by(elsewhere)
    signs = settings.dns.sign and bool(settings.dns.listen)
    keys = ZoneKeys(storage, making, resolver, clock, log, signs=signs)
    return Naming(zones, Secondaries(zones, resolver), keys, elsewhere, shelf)


def _elsewhere(
    settings: Settings, reactor: Any, log: Log
) -> tuple[ZoneServer | None, FileShelf | None]:
    """Another program that answers for our zones."""
    chosen = settings.dns
    if chosen.knot:
        return KnotServer(chosen.knot, reactor), None
    if not chosen.update:
        return None, None
    key = parse_key(chosen.update_key) if chosen.update_key else None
    shelf = FileShelf(Path(settings.data) / HANDED, reactor, log)
    return UpdateServer(server_address(chosen.update), key, shelf, reactor), shelf


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
    chosen = settings.dns
    if not chosen.listen:
        return None
    clock = ReactorClock(reactor)
    key = parse_key(chosen.transfer_key) if chosen.transfer_key else None
    talk = Talk(chosen.rate, SystemRandomness().token(SECRET), Sealing(key, clock.now))
    return NameServer(chosen, talk, reactor, clock, log, settings.node.share_ports)


def serving(
    server: NameServer | None,
    naming: Naming,
    storage: Storage,
    certificates: CertificateFiles,
    randomness: Randomness,
    reactor: Any,
    log: Log,
    lease: Callable[[str], Lease],
) -> Sequence[Step]:
    """What keeps name servers, ours and another program, in step with the store and with
    certificates. Each node answers from what it has itself; what it answers with, one node makes
    at a time, by `lease`."""
    zones, steps = naming.zones, []
    if server is not None:
        keeping = Keeping(zones, naming.secondaries, server.talk, server.clock, log, server.tell)
        zones.served_by(keeping.serve)
        begin = partial(server.start, keeping, Notices(randomness, server.talk.sealing))
        steps.append(Step("name server", begin, server.stop))
        turns = lease("zone keys")
        moving = Stirred(naming.keys.advance, AGAIN, reactor, log, "zone keys", turns)
        steps.append(Step("zone keys", moving.start, moving.stop))
        _follow(server.stirred, storage, certificates)
    if naming.elsewhere is not None:
        handed = Handing(zones, naming.elsewhere, log)
        turns = lease("other name server")
        handing = Stirred(handed.refresh, AGAIN, reactor, log, "other name server", turns)
        if naming.shelf is not None:
            steps.append(Step("handed zones", lambda: None, naming.shelf.stop))
        steps.append(Step("other name server", handing.start, handing.stop))
        _follow(handing, storage, certificates)
    return steps


def _follow(stirred: Stirred, storage: Storage, certificates: CertificateFiles) -> None:
    """Zones are made of these. Addresses come in thousands when people move in, and only the first
    of a domain counts: they are waited for longer."""

    def heard(changes: Sequence[Change]) -> None:
        for one in changes:
            if isinstance(one, (ZonesChanged, Missed)):
                stirred.stir(SOON)
            elif isinstance(one, AddressesChanged):
                stirred.stir(SOON if one.what == "domain" else LATER)

    storage.watch(heard)
    certificates.watch(lambda: stirred.stir(SOON))
