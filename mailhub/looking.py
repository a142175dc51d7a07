"""Composes the looks over the server and its domains, and the mail about what changed.

A part of the composition root, apart from it for its size. No rule of what is good may live here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mailhub.core.aliases import Aliases
from mailhub.core.checkup import Checkup, CheckupMail, Door
from mailhub.core.intake import Intake
from mailhub.model.settings import Settings
from mailhub.net.fetch import SafeFetch
from mailhub.net.listeners import Listener
from mailhub.net.outward import authorities
from mailhub.net.resolver import StubResolver
from mailhub.net.rounds import Round
from mailhub.ports import Clock, Log, Randomness, Resolver
from mailhub.ports.backup import BackupMemory
from mailhub.ports.leases import Lease
from mailhub.service import Step
from mailhub.wire.networks import plain
from mailhub.wire.redisurl import parse_sentinel

EACH, FIRST = 900.0, 300.0
"""Seconds between two looks at whether a day is over, and from the start to the first."""
LDAP_PORTS = {"ldap": 389, "ldaps": 636}
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (nothing is bound: it is what was)
"""Where a listener on all addresses is reached, if no address of the machine is known."""


def telling(
    checkup: Checkup,
    aliases: Aliases,
    intake: Intake,
    memory: BackupMemory,
    settings: Settings,
    hostname: str,
    reactor: Any,
    clock: Clock,
    randomness: Randomness,
    log: Log,
    lease: Lease,
) -> Step:
    """The daily look, and mail about it, where `lease` is held."""
    mail = CheckupMail(
        checkup,
        aliases,
        intake,
        memory,
        clock,
        randomness,
        log,
        hostname,
        on=settings.checks.mail,
    )
    looking = Round(mail.round, EACH, reactor, log, "checkup", first=FIRST, lease=lease)
    return Step("checkup", looking.start, looking.stop)


def fetch(settings: Settings, resolver: Resolver, reactor: Any) -> SafeFetch:
    """Fetches policies as other servers would."""
    return SafeFetch(
        resolver,
        reactor,
        private=settings.queue.private_addresses,
        authorities=authorities(settings.sender.trusted, "sender.trusted"),
    )


def endpoint(host: str, port: int) -> str:
    """As Twisted spells it."""
    return f"tcp:{plain(host).replace(':', chr(92) + ':')}:{port}"


def doors(listeners: Sequence[Listener], own: Sequence[str]) -> Sequence[Door]:
    """How others reach our listeners. `own`: public addresses of this machine."""
    found = []
    for one in listeners:
        about = one.describe()
        service, address = str(about["service"]), str(about["address"])
        if address == "unix":
            found.append(Door(service, f"unix:{str(about['path']).replace(':', chr(92) + ':')}"))
            continue
        version = ":" in address
        known = [each for each in own if (":" in each) is version]
        hosts = (known or [ANY[address]]) if address in ANY else [address]
        port = int(str(about["port"]))
        found += [Door(f"{service} {port}", endpoint(host, port)) for host in hosts]
    return found


def services(settings: Settings) -> Sequence[Door]:
    """Programs of others that the settings name."""
    found = []
    for name, given in (
        ("ClamAV", settings.clamav.endpoint),
        ("SpamAssassin", settings.spamassassin.endpoint),
        *((f"the filter {one.name or one.endpoint}", one.endpoint) for one in settings.milter),
    ):
        if given:
            found.append(Door(name, given))
    if settings.rspamd.url:
        found.append(Door("rspamd", _of_url(settings.rspamd.url, {"http": 80, "https": 443})))
    if settings.redis.sentinels:
        for sentinel in settings.redis.sentinels:
            host, port = parse_sentinel(sentinel)
            found.append(Door(f"Redis Sentinel {sentinel}", endpoint(host, port)))
    found += [Door(f"the directory {url}", _of_url(url, LDAP_PORTS)) for url in settings.ldap.urls]
    return found


def _of_url(url: str, ports: Mapping[str, int]) -> str:
    parts = urlsplit(url)
    return endpoint(parts.hostname or "", parts.port or ports.get(parts.scheme, 0))


def asking(
    settings: Settings, reactor: Any, randomness: Randomness, log: Log
) -> Callable[[str], Resolver]:
    """A resolver that asks the name server at an address alone, and remembers nothing."""

    def at(address: str) -> Resolver:
        server = f"[{address}]:53" if ":" in address else address
        return StubResolver(
            replace(settings.resolver, servers=(server,), tries=1), reactor, randomness, log
        )

    return at
