"""The acts that carry mail: taking a message in, listing and reading mailboxes."""

from __future__ import annotations

import binascii
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from mailhub.control.acts import ACTOR, Arguments, Services, account_of
from mailhub.core.transfer import batches
from mailhub.model.errors import Invalid
from mailhub.model.flags import Flags
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body

Item = tuple[Mapping[str, Any], bytes | None]
Take = Callable[[Services, Arguments, Body], Awaitable[Any]]
Read = Callable[[Services, Arguments], AsyncIterator[Item]]


async def take(services: Services, arguments: Arguments, body: Body) -> Any:
    """Stores `body` in a mailbox, once however often it is asked. `new`: whether it was."""
    account = await account_of(services, arguments)
    box = await services.transfers.mailbox(account.number, arguments.text("mailbox"), ACTOR)
    expected = arguments.text("digest", "")
    if expected and binascii.hexlify(body.digest).decode("ascii") != expected:
        raise Invalid("the message changed on its way", "digest")
    arrival = await services.transfers.take(
        box,
        body,
        Flags.of(arguments.texts("flags")),
        arguments.number("date") if "date" in arguments else None,
        arguments.number("occurrence", 0),
        ACTOR,
    )
    return {"uid": arrival.uid, "new": arrival.uid >= box.uidnext}


async def mailboxes(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """Every mailbox of an account."""
    account = await account_of(services, arguments)
    for box in await services.mailboxes.all(account.number):
        yield mailbox_shape(box), None


async def listing(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """The messages of a mailbox, without their bytes."""
    account = await account_of(services, arguments)
    box = await services.mailboxes.get(account.number, arguments.text("mailbox"))
    for message in await services.transfers.listing(box):
        yield {"uid": message.uid, "size": message.size}, None


async def messages(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """The messages of a mailbox with UID > `after`, or just `uids`, with their bytes."""
    account = await account_of(services, arguments)
    box = await services.mailboxes.get(account.number, arguments.text("mailbox"))
    listed = await services.transfers.listing(box, arguments.number("after", 0))
    if "uids" in arguments:
        wanted = set(arguments.numbers("uids"))
        listed = [message for message in listed if message.uid in wanted]
    for run in batches(listed):
        about = {message.uid: message for message in run}
        for uid, data in await services.transfers.read(box, list(about)):
            message = about[uid]
            yield {"uid": uid, "flags": list(message.flags), "date": message.date}, data


def mailbox_shape(box: Mailbox) -> Mapping[str, Any]:
    """A mailbox as JSON."""
    return {
        "name": box.name,
        "uidvalidity": box.uidvalidity,
        "uidnext": box.uidnext,
        "messages": box.messages,
        "size": box.size,
        "special_use": box.special_use,
    }


TAKES: Mapping[str, Take] = {"take": take}
"""Acts with bytes."""
READS: Mapping[str, Read] = {"mailboxes": mailboxes, "listing": listing, "messages": messages}
"""Acts that answer with items."""
