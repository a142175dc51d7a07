"""What the control socket can be asked about Sieve scripts."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, account_of
from mailhub.core.filterscript import script_of
from mailhub.model.script import Script


async def sieve_list(services: Services, arguments: Arguments) -> Json:
    """An account's scripts, without their source."""
    account = await account_of(services, arguments)
    return [_shape(one) for one in await services.scripts.all(account.number)]


async def sieve_get(services: Services, arguments: Arguments) -> Json:
    """One script, with its source."""
    account = await account_of(services, arguments)
    found = await services.scripts.get(account.number, arguments.text("name"))
    return {**_shape(found), "source": found.source}


async def sieve_put(services: Services, arguments: Arguments) -> Json:
    """Keeps a script; what it is warned of."""
    account = await account_of(services, arguments)
    name = arguments.text("name")
    source = arguments.text("source", "")
    warnings = await services.scripts.put(account.number, name, source, ACTOR)
    if arguments.flag("activate", False):
        await services.scripts.activate(account.number, name, ACTOR)
    return {"warnings": list(warnings)}


async def sieve_activate(services: Services, arguments: Arguments) -> Json:
    """Runs this script from now on; without a name: none."""
    account = await account_of(services, arguments)
    await services.scripts.activate(account.number, arguments.text("name", ""), ACTOR)
    return None


async def sieve_rename(services: Services, arguments: Arguments) -> Json:
    """Gives a script another name."""
    account = await account_of(services, arguments)
    name, new_name = arguments.text("name"), arguments.text("new_name")
    await services.scripts.rename(account.number, name, new_name, ACTOR)
    return None


async def sieve_remove(services: Services, arguments: Arguments) -> Json:
    """Removes a script that is not active."""
    account = await account_of(services, arguments)
    await services.scripts.remove(account.number, arguments.text("name"), ACTOR)
    return None


async def filter_sieve(services: Services, arguments: Arguments) -> Json:
    """An account's filters, or one of them, as a script."""
    account = await account_of(services, arguments)
    boxes = await services.mailboxes.all(account.number)
    if "id" in arguments:
        found = [await services.filters.get(account.number, arguments.text("id"))]
    else:
        found = list(await services.filters.of_account(account.number))
    return {"source": script_of(found, {box.number: box.name for box in boxes})}


def _shape(one: Script) -> Json:
    return {
        "name": one.name,
        "active": one.active,
        "size": one.size,
        "created": one.created,
        "modified": one.modified,
        "failed": one.failed,
        "failure": one.failure,
    }


ACTS: Mapping[str, Act] = {
    "sieve-list": sieve_list,
    "sieve-get": sieve_get,
    "sieve-put": sieve_put,
    "sieve-activate": sieve_activate,
    "sieve-rename": sieve_rename,
    "sieve-remove": sieve_remove,
    "filter-sieve": filter_sieve,
}
