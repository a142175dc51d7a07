"""Which copies of a message have room in their mailboxes; the others wait in the queue."""

from __future__ import annotations

from mailhub.core.plan import Plan
from mailhub.core.standing import Standings
from mailhub.model.queue import JUNK_LANE, Onward
from mailhub.ports import Storage
from mailhub.wire.pgpmime import stored_size


async def fitting(storage: Storage, standings: Standings, made: Plan, size: int, now: int) -> Plan:
    """The plan with the copies that do not fit turned into queue entries to their owners; an empty
    one where nothing else would be left. `size`: octets of the message."""
    copies = []
    onward = list(made.onward)
    for copy in made.copies:
        account = await storage.accounts.get(copy.account)
        room = standings.room(account) if account is not None else None
        needed = size + len(copy.prefix)
        if account is not None and account.encryption.storing:
            needed = stored_size(needed)
        if account is None or room is None or needed <= room:
            copies.append(copy)
        else:
            lane = JUNK_LANE if copy.mailbox is not None else ""
            onward.append(Onward(copy.recipient, due=now, lane=lane, home=copy.account))
    if not copies and not made.onward:
        return Plan((), (), {}, {})
    return Plan(tuple(copies), tuple(onward), {}, {})
