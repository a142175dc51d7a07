"""Composes backups. A part of the composition root, apart from it for its size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mailhub.core.backup import Backups
from mailhub.model.settings import Settings
from mailhub.net.restic import Restic
from mailhub.net.rounds import Round
from mailhub.ports import Clock, Log
from mailhub.ports.backup import BackupMemory
from mailhub.ports.leases import Lease
from mailhub.service import Step
from mailhub.store.picture_service import FolderPicture
from mailhub.store.storage import ServedStorage
from mailhub.wire.restic import PICTURE

LOOK = 60.0
"""Seconds between two looks at whether the hour has come."""


@dataclass(frozen=True, slots=True)
class Backing:
    """Backups, and what has to run for them."""

    backups: Backups
    steps: Sequence[Step]


def compose(
    settings: Settings,
    hostname: str,
    reactor: Any,
    clock: Clock,
    log: Log,
    lease: Lease,
    memory: BackupMemory,
    store: ServedStorage,
) -> Backing:
    """Backups of the data folder, the database and the bucket, made where `lease` is held."""
    data = Path(settings.data)
    folder = data / "backup"
    restic = Restic(settings.backup, folder, hostname, reactor, log)
    wanted = settings.backup.bodies
    bodies = store.backup_bodies(folder, settings.backup.room) if wanted else None
    copy = _copy(settings.store.database, bodies is not None)
    backups = Backups(
        FolderPicture(data, folder / PICTURE, reactor, copy),
        restic,
        memory,
        clock,
        log,
        settings.backup,
        bodies,
    )
    looking = Round(backups.round, LOOK, reactor, log, "backup", first=LOOK, lease=lease)
    steps = (
        Step("backup program", lambda: None, restic.stop),
        Step("backups", looking.start, looking.stop),
    )
    return Backing(backups, steps)


def _copy(where: str, listed: bool) -> Callable[[Path], None] | None:
    """How a store is copied that is not in the data folder. `listed`: with a list of what it refers
    to in a bucket."""
    if not where:
        return None
    from mailhub.store.postgres import copying, dump  # their library costs others nothing

    return partial(copying.copy if listed else dump.dump, where)
