"""CREATE (RFC 9051 6.3.4, RFC 6154 section 3, RFC 8474 section 4.1)."""

from __future__ import annotations

from mailhub.imap import listing
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import Create
from mailhub.imap.replies import Refusal, Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb
from mailhub.model.mailbox import SPECIAL_USES

USES = {use.lower(): use for use in SPECIAL_USES}


async def run(session: Session, command: Create) -> Reply:
    site = session.site
    special_use = await _special_use(session, command.special_uses)
    box = await site.mailboxes.create(
        session.account, command.mailbox, session.actor, special_use=special_use
    )
    listing.tell_canonical(session, command.mailbox, box.name)
    return ok("Created", b"MAILBOXID (%b)" % box.id.encode("ascii"))


async def _special_use(session: Session, wanted: tuple[str, ...]) -> str:
    """The one use that is asked for, in its usual spelling; or a refusal with USEATTR."""
    if not wanted:
        return ""
    use = USES.get(wanted[0].lower())
    if use is None or len({name.lower() for name in wanted}) > 1:
        raise Refusal(no("This special use is not offered", b"USEATTR"))
    if await session.site.mailboxes.by_special_use(session.account, use) is not None:
        raise Refusal(no("Another mailbox has this special use", b"USEATTR"))
    return use


CREATE = Verb(b"CREATE", mailboxes.create, run, AUTHENTICATED)
