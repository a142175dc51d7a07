"""Acts on an account's mailboxes."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, account_of
from mailhub.core.mailboxes import INBOX
from mailhub.model.errors import NotPermitted
from mailhub.model.mailbox import Mailbox


async def mailbox_add(services: Services, arguments: Arguments) -> Json:
    """A new mailbox."""
    account = await account_of(services, arguments)
    made = await services.mailboxes.create(
        account.number,
        arguments.text("name"),
        ACTOR,
        special_use=arguments.text("special_use", ""),
        retention=arguments.number("retention") if "retention" in arguments else None,
        hidden=arguments.flag("hidden", False),
    )
    return mailbox_shape(made)


async def mailbox_list(services: Services, arguments: Arguments) -> Json:
    """Every mailbox, hidden ones too, in the order in which people are shown them."""
    account = await account_of(services, arguments)
    boxes = await services.mailboxes.shown(account.number, hidden=True)
    return [mailbox_shape(box) for box in boxes]


async def mailbox_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given."""
    account = (await account_of(services, arguments)).number
    box = await services.mailboxes.get(account, arguments.text("name"))
    name = arguments.text("new_name", box.name)
    if name != box.name:
        if box.name == INBOX:
            raise NotPermitted("INBOX cannot be renamed")
        await services.mailboxes.rename(account, box.name, name, ACTOR)
    await services.mailboxes.set_options(
        account,
        box,
        ACTOR,
        retention=arguments.number("retention") if "retention" in arguments else None,
        hidden=arguments.flag("hidden") if "hidden" in arguments else None,
    )
    if "subscribed" in arguments:
        await services.mailboxes.subscribe(account, name, arguments.flag("subscribed"), ACTOR)
    return mailbox_shape(await services.mailboxes.by_number(account, box.number))


async def mailbox_renumber(services: Services, arguments: Arguments) -> Json:
    """Every mailbox gets another UIDVALIDITY; how many there are."""
    account = await account_of(services, arguments)
    return await services.mailboxes.renumber(account.number, ACTOR)


async def mailbox_remove(services: Services, arguments: Arguments) -> Json:
    """Removes a mailbox with its mail; one with a special use stays."""
    account = await account_of(services, arguments)
    await services.mailboxes.remove(account.number, arguments.text("name"), ACTOR, only_plain=True)
    return None


def mailbox_shape(box: Mailbox) -> Json:
    """A mailbox as JSON."""
    return {
        "id": box.id,
        "name": box.name,
        "special_use": box.special_use,
        "messages": box.messages,
        "unseen": box.unseen,
        "size": box.size,
        "retention": box.retention,
        "subscribed": box.subscribed,
        "hidden": box.hidden,
    }


ACTS: Mapping[str, Act] = {
    "mailbox-add": mailbox_add,
    "mailbox-list": mailbox_list,
    "mailbox-set": mailbox_set,
    "mailbox-remove": mailbox_remove,
    "mailbox-renumber": mailbox_renumber,
}
"""Acts with one answer."""
