"""SEARCH and UID SEARCH (RFC 9051 6.4.4), with RETURN and `$` (RFC 4731, RFC 5182)."""

from __future__ import annotations

from mailhub.imap import search_results
from mailhub.imap.grammar import search as grammar
from mailhub.imap.grammar.values import Extension, Search
from mailhub.imap.progress import Reporter
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb
from mailhub.model.errors import MailhubError
from mailhub.model.search import Returns
from mailhub.model.uids import UidSet

DONE = ok("Search completed")
ALL = Returns(all=True)
"""What RFC 9051 returns without RETURN."""


async def run(session: Session, command: Search) -> Reply:
    if command.uses_modseq:
        session.enable(Extension.CONDSTORE)
    returns = command.returns or (ALL if session.rev2 else None)
    try:
        found = await session.site.messages.find(session.view, command.key, Reporter(session))
    except MailhubError:
        if returns is not None and returns.save:
            session.view.saved = UidSet()  # RFC 5182 2.1: a search that failed empties it
        raise
    if returns is None:
        await search_results.plain(
            session, b"SEARCH", found, uid=command.uid, modseq=command.uses_modseq
        )
    else:
        await search_results.extended(
            session, found, returns, uid=command.uid, modseq=command.uses_modseq
        )
    return DONE


SEARCH = Verb(b"SEARCH", grammar.search, run, SELECTED, Updates.KEEP_NUMBERS)
UID_SEARCH = Verb(b"UID SEARCH", grammar.uid_search, run, SELECTED)
