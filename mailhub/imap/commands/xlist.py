"""XLIST: LIST with special uses, by its name before RFC 6154; old Apple and Android mailers."""

from __future__ import annotations

from mailhub.imap import listing
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import List, ListExtra
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("That is all")


async def run(session: Session, command: ListExtra) -> Reply:
    if command.root:
        session.write(listing.root(command.pattern, b"XLIST"))
        return DONE
    boxes = await session.site.mailboxes.visible(session.account)
    found = listing.entries(boxes, (), List((command.pattern,)))
    lines = [listing.line(entry, session, False, verb=b"XLIST") for entry in found]
    await session.send(b"".join(lines))
    return DONE


XLIST = Verb(b"XLIST", mailboxes.xlist, run, AUTHENTICATED)
