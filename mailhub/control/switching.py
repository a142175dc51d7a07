"""What the control socket is asked while accounts move here from another server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.control.mail import Item, Read
from mailhub.core.switching import Stands
from mailhub.model.errors import LimitReached
from mailhub.model.flags import Flags
from mailhub.model.uids import UidSet

MOST_NAMES = 500
MOST_UIDS = 1000


async def switch_look(services: Services, arguments: Arguments) -> Json:
    """What `domains`, `addresses` and `logins` are here: [what, whose] by name."""
    switching = services.importing.switching
    asked = {
        "domains": switching.domain,
        "addresses": switching.address,
        "logins": switching.login,
    }
    found: dict[str, dict[str, list[str]]] = {}
    for what, look in asked.items():
        names = arguments.texts(what)
        if len(names) > MOST_NAMES:
            raise LimitReached(f"At most {MOST_NAMES} names at once")
        found[what] = {name: _stands(await look(name)) for name in names}
    return found


async def switch_flags(services: Services, arguments: Arguments) -> Json:
    """Gives the messages `uids` the flags `add`, and takes `remove` from them."""
    await services.importing.switching.flag(
        arguments.text("user"),
        arguments.text("mailbox"),
        _uids(arguments),
        Flags.of(arguments.texts("add")),
        Flags.of(arguments.texts("remove")),
        ACTOR,
    )
    return None


async def switch_drop(services: Services, arguments: Arguments) -> Json:
    """Takes the messages `uids` out of a mailbox, into the archive; how many."""
    user, box = arguments.text("user"), arguments.text("mailbox")
    return await services.importing.switching.drop(user, box, _uids(arguments), ACTOR)


async def switch_listing(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """Every message of a mailbox, some an item: [UID, size, flags] each."""
    user, box = arguments.text("user"), arguments.text("mailbox")
    async for some in services.importing.switching.listing(user, box):
        yield {"messages": [[one.uid, one.size, list(one.flags)] for one in some]}, None


def _uids(arguments: Arguments) -> UidSet:
    uids = arguments.numbers("uids")
    if len(uids) > MOST_UIDS:
        raise LimitReached(f"At most {MOST_UIDS} messages at once")
    return UidSet.from_any(uids)


def _stands(found: Stands) -> list[str]:
    return [found.standing.value, found.whose]


ACTS: Mapping[str, Act] = {
    "switch-look": switch_look,
    "switch-flags": switch_flags,
    "switch-drop": switch_drop,
}
"""Acts with one answer."""
READS: Mapping[str, Read] = {"switch-listing": switch_listing}
"""Acts that answer with items."""
