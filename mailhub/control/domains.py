"""Acts on domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.model.address import Domain


async def domain_add(services: Services, arguments: Arguments) -> Json:
    """A new domain."""
    return domain_shape(
        await services.domains.add(
            arguments.text("name"),
            ACTOR,
            alias_of=arguments.text("alias_of", ""),
            delimiter=arguments.text("delimiter", "+"),
            ignore_dots=arguments.flag("ignore_dots", False),
            catch_all=arguments.text("catch_all", ""),
            relay=arguments.flag("relay", False),
        )
    )


async def domain_list(services: Services, arguments: Arguments) -> Json:
    """Every domain."""
    return [domain_shape(domain) for domain in await services.domains.all()]


async def domain_show(services: Services, arguments: Arguments) -> Json:
    """One domain."""
    return domain_shape(await services.domains.get(arguments.text("name")))


async def domain_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given."""
    domain = await services.domains.get(arguments.text("name"))
    changed = dataclasses.replace(
        domain,
        alias_of=arguments.text("alias_of", domain.alias_of),
        delimiter=arguments.text("delimiter", domain.delimiter),
        ignore_dots=arguments.flag("ignore_dots", domain.ignore_dots),
        catch_all=arguments.text("catch_all", domain.catch_all),
        relay=arguments.flag("relay", domain.relay),
    )
    return domain_shape(await services.domains.update(changed, ACTOR))


async def domain_rename(services: Services, arguments: Arguments) -> Json:
    """Gives a domain another name, with all that stands in it."""
    done = await services.domains.renaming.rename(
        arguments.text("name"), arguments.text("new"), ACTOR
    )
    return dataclasses.asdict(done)


async def domain_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an empty domain."""
    await services.domains.remove(arguments.text("name"), ACTOR)
    return None


def domain_shape(domain: Domain) -> Json:
    """A domain as JSON."""
    return {
        "name": domain.name,
        "alias_of": domain.alias_of,
        "delimiter": domain.delimiter,
        "ignore_dots": domain.ignore_dots,
        "catch_all": domain.catch_all,
        "relay": domain.relay,
        "created": domain.created,
    }


ACTS: Mapping[str, Act] = {
    "domain-add": domain_add,
    "domain-list": domain_list,
    "domain-show": domain_show,
    "domain-set": domain_set,
    "domain-rename": domain_rename,
    "domain-remove": domain_remove,
}
"""Acts with one answer."""
