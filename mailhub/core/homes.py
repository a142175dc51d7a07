"""Makes the domain of a new address local: callers that know addresses only need no domains.

What may stand in a domain is decided in `core.addresses` and `core.domains`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mailhub.core.domains import Domains
from mailhub.core.wildcards import ANYWHERE
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Invalid, MailhubError, NotFound

_Made = TypeVar("_Made")


async def at_home(
    domains: Domains,
    address: str,
    actor: Actor,
    make: Callable[[], Awaitable[_Made]],
    *,
    ignore_dots: bool = False,
) -> _Made:
    """What `make` makes, with the domain of `address` here. Where `make` fails, a domain that was
    new goes again: one that is local by mistake would keep mail from its true home. `ignore_dots`:
    whether dots count in the addresses of a new one.

    Raises Invalid (field `address`), and what `make` raises.
    """
    name = address.rpartition("@")[2]
    if name == ANYWHERE or await _is_here(domains, name):
        return await make()
    try:
        await domains.add(name, actor, ignore_dots=ignore_dots)
    except AlreadyExists:  # another call made it meanwhile
        return await make()
    except Invalid as error:
        raise Invalid(error.text, field="address") from None
    try:
        return await make()
    except MailhubError:
        await domains.remove(name, actor)
        raise


async def _is_here(domains: Domains, name: str) -> bool:
    try:
        await domains.get(name)
    except NotFound:
        return False
    return True
