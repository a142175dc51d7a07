"""What the control socket can be asked about the directory that accounts come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.core.mirroring import Mirroring
from mailhub.model.errors import NotFound


async def directory_sync(services: Services, arguments: Arguments) -> Json:
    """Brings all accounts to what the directory says. `force`: whatever that shuts."""
    found = await _mirroring(services).compare(force=arguments.flag("force", False))
    shown = asdict(found)
    shown["refused"] = [{"username": name, "reason": why} for name, why in found.refused]
    return shown


async def directory_show(services: Services, arguments: Arguments) -> Json:
    """What is known of an account that is the directory's."""
    account = await services.accounts.by_name(arguments.text("name"))
    mirror = await _mirroring(services).of(account.number)
    if mirror is None:
        raise NotFound("This account is our own")
    return {
        "user": account.username,
        "entry": mirror.place,
        "key": mirror.key,
        "addresses": list(mirror.addresses),
        "seen": mirror.seen,
        "locked": mirror.locked,
    }


async def directory_list(services: Services, arguments: Arguments) -> Json:
    """Every account that is the directory's."""
    return [
        {
            "user": account.username,
            "entry": mirror.place,
            "seen": mirror.seen,
            "locked": mirror.locked,
        }
        for account, mirror in await _mirroring(services).known()
    ]


def _mirroring(services: Services) -> Mirroring:
    if services.mirroring is None:
        raise NotFound("No directory is configured: see [ldap]")
    return services.mirroring


ACTS: Mapping[str, Act] = {
    "directory-sync": directory_sync,
    "directory-show": directory_show,
    "directory-list": directory_list,
}
