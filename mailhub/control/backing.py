"""Acts on backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.model.backup import BackupTarget, Snapshot
from mailhub.model.errors import MailhubError


async def backup_run(services: Services, arguments: Arguments) -> Json:
    """Makes one now; what was made."""
    return asdict(await services.backups.run())


async def backup_status(services: Services, arguments: Arguments) -> Json:
    """Where to, how the last went, and what there is; `problem`: also why that cannot be seen;
    `verified`: when it was tried to read them again, `unreadable`: what that found."""
    backups, problem = services.backups, ""
    target, last = backups.target, backups.last
    found: tuple[Snapshot, ...] = ()
    try:
        found = (await backups.status()).snapshots
    except MailhubError as error:
        problem = error.text
    return {
        "target": backups.shown(target),
        "keep": target.keep,
        "last_good": last.good,
        "last_tried": last.at,
        "problem": last.text or problem,
        "verified": backups.verified.at,
        "unreadable": backups.verified.text,
        "public_key": backups.public_key(target),
        "backups": [asdict(one) for one in found],
    }


async def backup_verify(services: Services, arguments: Arguments) -> Json:
    """Whether what was kept can be read; `whole`: every byte of it."""
    await services.backups.verify(whole=arguments.flag("whole", False))
    return None


async def backup_target(services: Services, arguments: Arguments) -> Json:
    """Where backups go from now on; what is not named stays as it is. The key that its server has
    to know, empty where it asks for none."""
    now = services.backups.target
    target = BackupTarget(
        address=arguments.text("address"),
        user=arguments.text("key", now.user),
        secret=arguments.text("secret", now.secret),
        keep=arguments.number("keep", now.keep),
    )
    services.backups.choose(target)
    return services.backups.public_key(target)


ACTS: Mapping[str, Act] = {
    "backup-run": backup_run,
    "backup-status": backup_status,
    "backup-verify": backup_verify,
    "backup-target": backup_target,
}
"""Acts with one answer."""
