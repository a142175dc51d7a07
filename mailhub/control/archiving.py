"""Acts on what was deleted."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, account_of
from mailhub.core.listing import Extras, Listed
from mailhub.model.listing import Stretch

SHOWN = 250
FOREVER = 1 << 40


async def archive_list(services: Services, arguments: Arguments) -> Json:
    """What can be had back, the newest first; `before`: a number to go on from."""
    account = await account_of(services, arguments)
    before = arguments.number("before", 0)
    limit = max(1, min(arguments.number("limit", 20), SHOWN))
    stretch = Stretch(limit, (before,) if before else None)
    found = await services.mailroom.listings.archived(account.number, stretch, Extras())
    boxes = await services.mailboxes.all(account.number)
    names = {box.number: box.name for box in boxes}
    return {
        "total": found.page.total,
        "messages": [shape(one, names.get(one.row.mailbox, "")) for one in found.listed],
    }


async def archive_restore(services: Services, arguments: Arguments) -> Json:
    """Puts back `numbers`, or all that was deleted from `since` on; how many. `mailbox`: where to,
    else where each was."""
    account = await account_of(services, arguments)
    arranging = services.mailroom.arranging
    if "since" in arguments:
        start = arguments.number("since")
        return await arranging.restore_all(account.number, start, FOREVER, ACTOR)
    box = None
    if "mailbox" in arguments:
        box = await services.mailboxes.get(account.number, arguments.text("mailbox"))
    for number in arguments.numbers("numbers"):
        await arranging.restore(account.number, number, box, ACTOR)
    return len(arguments.numbers("numbers"))


def shape(one: Listed, mailbox: str) -> Json:
    """A deleted message as JSON. `mailbox`: where it was, empty where that is gone."""
    author = one.facts.fields.from_[:1]
    return {
        "number": one.row.number,
        "deleted": one.row.archived,
        "mailbox": mailbox,
        "from": f"{author[0].mailbox}@{author[0].host}" if author else "",
        "subject": one.row.subject,
        "size": one.row.size,
    }


ACTS: Mapping[str, Act] = {
    "archive-list": archive_list,
    "archive-restore": archive_restore,
}
"""Acts with one answer."""
