"""What the control socket can be asked about signing keys, and about domains' DNS records."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.core.signing import record, record_name
from mailhub.model.dkim import DkimKey
from mailhub.wire import zonefile


async def dkim_list(services: Services, arguments: Arguments) -> Json:
    """The keys of a domain, or of all, without their private halves."""
    return [shape(key) for key in await services.keys.all(arguments.text("domain", ""))]


async def dkim_show(services: Services, arguments: Arguments) -> Json:
    """One key with its record. `private`: with its private half."""
    key = await services.keys.get(arguments.text("domain"), arguments.text("selector"))
    shown = {**shape(key), "record": zonefile.line(record_name(key), "TXT", record(key))}
    return {**shown, "private": key.private} if arguments.flag("private", False) else shown


async def dkim_rotate(services: Services, arguments: Arguments) -> Json:
    """New keys, pending."""
    made = await services.keys.rotate(
        arguments.text("domain"), ACTOR, selector=arguments.text("selector", "")
    )
    return [shape(key) for key in made]


async def dkim_add(services: Services, arguments: Arguments) -> Json:
    """A key that was made elsewhere, pending."""
    return shape(
        await services.keys.add(
            arguments.text("domain"), arguments.text("selector"), arguments.text("private"), ACTOR
        )
    )


async def dkim_activate(services: Services, arguments: Arguments) -> Json:
    """Pending keys sign from now on."""
    changed = await services.keys.activate(
        arguments.text("domain"), ACTOR, selectors=arguments.texts("selectors")
    )
    return [shape(key) for key in changed]


async def dkim_remove(services: Services, arguments: Arguments) -> Json:
    """Forgets a key."""
    await services.keys.remove(arguments.text("domain"), arguments.text("selector"), ACTOR)
    return None


async def dkim_enable(services: Services, arguments: Arguments) -> Json:
    """Signs a domain's mail."""
    await services.keys.enable(arguments.text("domain"), ACTOR)
    return [shape(key) for key in await services.keys.all(arguments.text("domain"))]


async def dkim_disable(services: Services, arguments: Arguments) -> Json:
    """Signs a domain's mail no more."""
    await services.keys.disable(arguments.text("domain"), ACTOR)
    return None


async def domain_dns(services: Services, arguments: Arguments) -> Json:
    """The records that a domain's zone should have. `check`: whether the DNS has them."""
    wanted = await services.records.of(arguments.text("name"))
    check = arguments.flag("check", False)
    return [
        {
            "line": one.line,
            "why": one.why,
            "name": one.name,
            "type": one.kind,
            "state": await services.records.state(one) if check else "",
        }
        for one in wanted
    ]


def shape(key: DkimKey) -> Json:
    """A key as JSON, without its private half."""
    return {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm,
        "state": key.state.value,
        "public": key.public,
        "created": key.created,
        "changed": key.changed,
    }


ACTS: Mapping[str, Act] = {
    "dkim-list": dkim_list,
    "dkim-show": dkim_show,
    "dkim-rotate": dkim_rotate,
    "dkim-add": dkim_add,
    "dkim-activate": dkim_activate,
    "dkim-remove": dkim_remove,
    "dkim-enable": dkim_enable,
    "dkim-disable": dkim_disable,
    "domain-dns": domain_dns,
}
