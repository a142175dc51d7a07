"""Acts on backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.model.backup import BackupTarget


async def backup_run(services: Services, arguments: Arguments) -> Json:
    """Makes one now; what was made."""
    return asdict(await services.backups.run())


async def backup_status(services: Services, arguments: Arguments) -> Json:
    """Where to, how the last went, and what there is."""
    status = await services.backups.status()
    return {
        "target": services.backups.shown(status.target),
        "keep": status.target.keep,
        "running": status.running,
        "last_good": status.last.good,
        "last_tried": status.last.at,
        "problem": status.last.text,
        "public_key": status.public_key,
        "backups": [asdict(one) for one in status.snapshots],
    }


async def backup_verify(services: Services, arguments: Arguments) -> Json:
    """Whether what was kept can be read; `whole`: every byte of it."""
    await services.backups.verify(whole=arguments.flag("whole", False))
    return None


async def backup_target(services: Services, arguments: Arguments) -> Json:
    """Where backups go from now on; what is not named stays as it is."""
    now = services.backups.target
    services.backups.choose(
        BackupTarget(
            address=arguments.text("address"),
            user=arguments.text("key", now.user),
            secret=arguments.text("secret", now.secret),
            keep=arguments.number("keep", now.keep),
        )
    )
    return None


ACTS: Mapping[str, Act] = {
    "backup-run": backup_run,
    "backup-status": backup_status,
    "backup-verify": backup_verify,
    "backup-target": backup_target,
}
"""Acts with one answer."""
