"""Where judged mail goes: the mailbox for junk, and for a possible fraud nowhere else.

What a message was found to be is `core.judging`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailhub.core.plan import Plan, Recipient
from mailhub.model.errors import PolicyRefused
from mailhub.model.flags import Flags
from mailhub.model.message import Copy
from mailhub.model.queue import JUNK_LANE
from mailhub.policy.consequences import Consequence
from mailhub.ports import Storage

JUNK = "\\Junk"
MARKS: Mapping[Consequence, Flags] = {
    Consequence.JUNK: Flags(keywords=("$Junk",)),
    # Clients warn of what is marked so (RFC 9051 2.3.2).
    Consequence.QUARANTINE: Flags(keywords=("$Junk", "$Phishing")),
}


def kept_here(recipients: Sequence[Recipient], consequence: Consequence) -> Sequence[Recipient]:
    """The recipients, for a possible fraud without where aliases of ours would forward it: our name
    must not vouch for it. Mail for a domain that is only relayed goes on, as its own server judges.

    Raises PolicyRefused where there is no mailbox to keep it in.
    """
    if consequence is not Consequence.QUARANTINE:
        return recipients
    return [one if one.direct else _kept_here(one) for one in recipients]


def _kept_here(recipient: Recipient) -> Recipient:
    found = recipient.resolution
    if not found.elsewhere:
        return recipient
    if not found.accounts:
        raise PolicyRefused("This would be forwarded, and nobody vouches for it")
    return replace(recipient, resolution=replace(found, remote=(), programs=(), relays=()))


async def placed(storage: Storage, made: Plan, consequence: Consequence) -> Plan:
    """The plan with its copies in the mailboxes for junk, and marked, where it has to be so."""
    marks = MARKS.get(consequence)
    if marks is None:
        return made
    copies = [await junked(storage, copy, marks) for copy in made.copies]
    onward = [
        replace(one, lane=JUNK_LANE) if one.home and not one.lane else one for one in made.onward
    ]
    return replace(made, copies=tuple(copies), onward=tuple(onward))


async def junked(storage: Storage, copy: Copy, marks: Flags) -> Copy:
    """The copy in its account's mailbox for junk; without one it stays in INBOX, marked."""
    boxes = await storage.mailboxes.all(copy.account)
    found = next((box.number for box in boxes if box.special_use == JUNK), copy.mailbox)
    return replace(copy, mailbox=found, flags=copy.flags.add(marks))
