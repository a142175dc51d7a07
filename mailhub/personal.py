"""Composes what accounts want done with mail that comes for them: their rules, in order.

A part of the composition root, apart from it for its size. Filters decide first, then a script
where they left the message alone; who is answered is decided last, when it is known what becomes
of the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.applying import Applying
from mailhub.core.filtering import Filtering
from mailhub.core.ids import Ids
from mailhub.core.personal import Personal, Rules
from mailhub.core.replying import Replying
from mailhub.core.rulings import Rulings
from mailhub.core.sealing import Sealing
from mailhub.model.settings import LevelSettings
from mailhub.model.settings_rules import FilterSettings
from mailhub.ports import Clock, Encrypting, Log, Storage


@dataclass(frozen=True, slots=True)
class Owners:
    """`applying`: for whatever delivers. `filtering`: for who only wants to know. `sealing`: for
    what owners store themselves."""

    applying: Applying
    filtering: Filtering
    sealing: Sealing


def compose(
    storage: Storage,
    addresses: Addresses,
    allowances: Allowances | None,
    clock: Clock,
    ids: Ids,
    log: Log,
    hostname: str,
    settings: FilterSettings,
    levels: LevelSettings,
    encrypting: Encrypting,
    scripts: Sequence[Rules] = (),
) -> Owners:
    """`scripts`: rules that come between filters and automatic replies. `encrypting`: for large
    messages."""
    rulings = Rulings(storage)
    sealing = Sealing(rulings, storage.spools, encrypting, log)
    filtering = Filtering(rulings, clock, junk=levels.junk, budget=settings.text)
    replying = Replying(rulings, storage, addresses, ids, hostname, pause=settings.reply_pause)
    personal = Personal((filtering, *scripts, replying), clock, log)
    applying = Applying(personal, storage, addresses, allowances, clock, log, sealing)
    return Owners(applying, filtering, sealing)
