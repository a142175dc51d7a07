"""Acts on addresses: of accounts, and aliases that lead elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mailhub.control.acts import (
    ACTOR,
    PAGE,
    Act,
    Arguments,
    Json,
    Services,
    account_of,
    username,
)
from mailhub.model.address import Address
from mailhub.wire import relayurl


async def alias_add(services: Services, arguments: Arguments) -> Json:
    """A new alias, or with `user` a further address of an account."""
    account = None
    if "user" in arguments:
        account = (await services.accounts.by_name(arguments.text("user"))).number
    return alias_shape(
        await services.addresses.create(
            arguments.text("address"),
            ACTOR,
            account=account,
            targets=arguments.texts("targets"),
            program=arguments.texts("program"),
            minilist=arguments.flag("minilist", False),
            name=arguments.text("name", ""),
            main=arguments.flag("main", False),
            tags=arguments.texts("tags"),
            forwards=arguments.number("forwards", 0),
        )
    )


async def alias_list(services: Services, arguments: Arguments) -> Json:
    """Addresses after `after`, one page of them, of a domain or all."""
    found, total = await services.addresses.page(
        after=arguments.number("after", 0),
        limit=PAGE,
        query=arguments.text("query", ""),
        domain=arguments.text("domain", ""),
        tags=arguments.texts("tags"),
    )
    return {"aliases": [alias_shape(address) for address in found], "total": total}


async def alias_show(services: Services, arguments: Arguments) -> Json:
    """One alias or address."""
    return alias_shape(await services.addresses.get(arguments.text("address")))


async def alias_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given."""
    address = await services.addresses.get(arguments.text("address"))
    changed = dataclasses.replace(
        address,
        targets=arguments.texts("targets", address.targets),
        program=arguments.texts("program", address.program),
        minilist=arguments.flag("minilist", address.minilist),
        name=arguments.text("name", address.name),
        main=arguments.flag("main", address.main),
        tags=arguments.texts("tags", address.tags),
        forwards=arguments.number("forwards", address.forwards),
    )
    return alias_shape(await services.addresses.update(changed, ACTOR))


async def alias_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an alias, or an account's further address."""
    await services.addresses.remove(await services.addresses.get(arguments.text("address")), ACTOR)
    return None


async def address_list(services: Services, arguments: Arguments) -> Json:
    """An account's own addresses."""
    account = await account_of(services, arguments)
    rows = await services.addresses.of_account(account.number)
    return [alias_shape(address) for address in rows]


async def address_resolve(services: Services, arguments: Arguments) -> Json:
    """Where mail for an address goes."""
    resolution = await services.addresses.resolve(arguments.text("address"))
    return {
        "users": [await username(services, number) for number, _ in resolution.accounts],
        "addresses": list(resolution.remote),
        "programs": list(resolution.programs),
        "relays": [relayurl.shown(url) for _, url in resolution.relays],
        "subaddress": resolution.detail,
    }


def alias_shape(address: Address) -> Json:
    """An address as JSON."""
    return {
        "number": address.number,
        "address": address.address,
        "user": address.account,
        "targets": list(address.targets),
        "program": list(address.program),
        "minilist": address.minilist,
        "main": address.main,
        "name": address.name,
        "tags": list(address.tags),
        "forwards": address.forwards,
    }


ACTS: Mapping[str, Act] = {
    "alias-add": alias_add,
    "alias-list": alias_list,
    "alias-show": alias_show,
    "alias-set": alias_set,
    "alias-remove": alias_remove,
    "address-list": address_list,
    "address-resolve": address_resolve,
}
"""Acts with one answer."""
