"""Composes how certificates are asked for, and web sites.

A part of the composition root, apart from it for its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailhub.core.certificates import Certificates
from mailhub.core.hosted import Hosted
from mailhub.core.provisioning import Provisioning
from mailhub.core.websites import Websites
from mailhub.core.zonechallenges import ZoneChallenges
from mailhub.core.zones import Zones
from mailhub.model.settings import Settings
from mailhub.net.acme import ACMEAuthority
from mailhub.net.rounds import Round
from mailhub.net.sitefiles import FolderOfSites
from mailhub.net.together import together
from mailhub.ports import (
    CertificateFiles,
    Clock,
    Counters,
    Log,
    Resolver,
    Storage,
)
from mailhub.ports.leases import Lease
from mailhub.service import Step

FIRST = 30.0
"""Seconds after a start until certificates are looked at."""


@dataclass(frozen=True, slots=True)
class Certifying:
    """The names that are served here, what is shown there, who asks for their certificates, and
    what has to run for it."""

    hosted: Hosted
    websites: Websites
    provisioning: Provisioning
    steps: Sequence[Step]


def compose(
    settings: Settings,
    certificates: Certificates,
    files: CertificateFiles,
    storage: Storage,
    resolver: Resolver,
    counters: Counters,
    reactor: Any,
    clock: Clock,
    log: Log,
    zones: Zones,
    ready: Callable[[], bool],
    lease: Lease,
) -> Certifying:
    """`zones`: ours; they prove wildcards where somebody answers for them. `lease`: where it is
    held, certificates are asked for."""
    dns, records = settings.dns, None
    if dns.listen or dns.knot:
        records = ZoneChallenges(zones, clock, elsewhere=bool(dns.knot))
    hosted = Hosted(storage, certificates.hostname, settings.acme.names)
    folder = Path(settings.data) / "tls" / "accounts"
    provisioning = Provisioning(
        certificates,
        hosted,
        files,
        storage.certificates,
        ACMEAuthority(settings.acme, folder, reactor),
        resolver,
        counters,
        clock,
        log,
        together,
        settings.acme,
        records,
        lambda: settings.dns.addresses,
        ready,
        any(one.service == "http" and one.tls == "none" for one in settings.listener),
    )
    review = Round(
        provisioning.review,
        settings.acme.review,
        reactor,
        log,
        "certificates",
        first=FIRST,
        lease=lease,
    )
    steps = (Step("certificates", review.start, review.stop),)
    folder = Path(settings.sites.folder or Path(settings.data) / "www")
    websites = Websites(hosted, FolderOfSites(folder), clock, settings.sites, settings.site)
    return Certifying(hosted, websites, provisioning, steps)
