"""Joins our own accounts with those of a directory, where one is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.directories import MixedDirectory
from mailhub.core.domains import Domains
from mailhub.core.mirroring import Mirroring
from mailhub.directory.local import LocalDirectory
from mailhub.model.errors import Invalid
from mailhub.model.settings_directory import LDAPSettings
from mailhub.net.rounds import Round
from mailhub.ports import Clock, Directory, Log, Storage
from mailhub.ports.leases import Lease
from mailhub.service import Step

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Directories:
    """`login`: whom `core.login` asks. `mirroring`: None without a directory of others. `start`,
    `stop`: of its threads."""

    login: Directory
    mirroring: Mirroring | None = None
    start: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None


def compose(
    settings: LDAPSettings,
    local: LocalDirectory,
    storage: Storage,
    accounts: Accounts,
    addresses: Addresses,
    domains: Domains,
    reactor: Any,
    clock: Clock,
    log: Log,
) -> Directories:
    """Raises Invalid: a setting that cannot be right."""
    if not settings.urls:
        return Directories(local)
    from mailhub.directory.ldap import LDAPTalk  # its library costs who does without it nothing
    from mailhub.directory.threads import ThreadedEntries

    def tell(fields: Mapping[str, Any]) -> None:
        """From the threads; the log is the reactor's."""
        reactor.callFromThread(partial(log.event, "directory", **fields))

    talk = LDAPTalk(settings, _password(settings), clock.seconds, tell)
    entries = ThreadedEntries(
        talk, reactor, threads=settings.connections, deadline=settings.timeout
    )
    mirroring = Mirroring(
        entries,
        storage,
        accounts,
        addresses,
        domains,
        clock,
        log,
        names=settings.domains,
        life=settings.life,
    )
    addresses.ask_also(mirroring.discover)
    return Directories(MixedDirectory(local, mirroring), mirroring, entries.start, entries.stop)


def following(
    found: Directories, settings: LDAPSettings, reactor: Any, log: Log, lease: Lease
) -> Sequence[Step]:
    """Keeps accounts as the directory has them, where there is one and `lease` is held."""
    if found.mirroring is None:
        return ()
    work = found.mirroring.keep_up if settings.sync else found.mirroring.settle
    name = "directory"
    follow = Round(work, settings.sync or DAY, reactor, log, name, first=0.1, lease=lease)
    return (Step(f"{name} comparison", follow.start, follow.stop),)


def _password(settings: LDAPSettings) -> str:
    if not settings.bind_password_file:
        return settings.bind_password
    try:
        return Path(settings.bind_password_file).read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise Invalid(f"The password cannot be read: {error}", "ldap.bind_password_file") from None
