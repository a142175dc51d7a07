"""Composes what accounts' Sieve scripts need: how they are kept, and how they run on mail.

A part of the composition root, apart from it for its size. Reads the server's own scripts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailhub.core.addresses import Addresses
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.programs import Programs
from mailhub.core.scripting import Scripting
from mailhub.core.scripts import Scripts
from mailhub.model.settings_sieve import SieveSettings
from mailhub.ports import Clock, Log, Storage
from mailhub.wire.sieve.tree import SCRIPT

SUFFIX = ".sieve"


@dataclass(frozen=True, slots=True)
class Sieve:
    """`scripts`: for faces; `rules`: for what delivers."""

    scripts: Scripts
    rules: Scripting


def compose(
    storage: Storage,
    addresses: Addresses,
    mailboxes: Mailboxes,
    clock: Clock,
    ids: Ids,
    log: Log,
    hostname: str,
    settings: SieveSettings,
) -> Sieve:
    """Both, on one store."""
    programs = Programs(storage, clock, shared(settings.shared, log))
    rules = Scripting(programs, storage, addresses, mailboxes, clock, ids, log, hostname, settings)
    return Sieve(Scripts(storage, clock, settings), rules)


def shared(folder: str, log: Log) -> dict[str, str]:
    """The sources of the server's own scripts by name. What cannot be read is left out, and
    logged: mail goes on without it."""
    found: dict[str, str] = {}
    if not folder:
        return found
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        try:
            if path.stat().st_size <= SCRIPT:
                found[path.name.removesuffix(SUFFIX)] = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            log.event("shared-script", level="error", outcome="unread", reason=str(error))
    return found
