"""LIST (RFC 9051 6.3.9; RFC 5258, 5819, 6154): rules of what is listed are in `imap.listing`."""

from __future__ import annotations

from mailhub.core.turns import Turns
from mailhub.imap import listing
from mailhub.imap.commands import status
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import List, ListReturn, ListSelection
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("That is all")
PIECE = 100
"""Names that are written before the peer and other sessions have a turn."""


async def run(session: Session, command: List) -> Reply:
    if command.root:
        session.write(listing.root(command.patterns[0]))
        return DONE
    needs_subscriptions = (
        ListSelection.SUBSCRIBED in command.selection or ListReturn.SUBSCRIBED in command.returns
    )
    service = session.site.mailboxes
    turns = Turns(session.site.clock)
    boxes = await service.visible(session.account)
    subscribed = await service.subscriptions(session.account) if needs_subscriptions else ()
    lines: list[bytes] = []
    for entry in listing.entries(boxes, subscribed, command):
        lines.append(listing.line(entry, session, command.extended))
        if command.status and entry.box is not None:
            lines.append(await status.line(session, entry.box, command.status))
        if len(lines) >= PIECE:
            await session.send(b"".join(lines))
            lines.clear()
            await turns.rest()
    await session.send(b"".join(lines))
    return DONE


LIST = Verb(b"LIST", mailboxes.list_, run, AUTHENTICATED)
