"""LSUB (RFC 3501 6.3.9): subscribed names, and with `%` the parents of those further down."""

from __future__ import annotations

from mailhub.imap import listing
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import ListSubscribed
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("That is all")


async def run(session: Session, command: ListSubscribed) -> Reply:
    subscribed = await session.site.mailboxes.subscriptions(session.account)
    await session.send(b"".join(listing.lsub_lines(subscribed, command.pattern, session)))
    return DONE


LSUB = Verb(b"LSUB", mailboxes.lsub, run, AUTHENTICATED)
