"""SORT and UID SORT (RFC 5256, RFC 5957), with RETURN (RFC 5267)."""

from __future__ import annotations

from mailhub.imap import search_results
from mailhub.imap.grammar import search as grammar
from mailhub.imap.grammar.values import Extension, Sort
from mailhub.imap.progress import Reporter
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb

DONE = ok("Sort completed")


async def run(session: Session, command: Sort) -> Reply:
    if command.uses_modseq:
        session.enable(Extension.CONDSTORE)
    messages, view = session.site.messages, session.view
    found = await messages.find(view, command.key, Reporter(session))
    found = await messages.sort(view, found, command.order)
    if command.returns is None:
        await search_results.plain(
            session, b"SORT", found, uid=command.uid, modseq=command.uses_modseq
        )
    else:
        await search_results.extended(
            session, found, command.returns, uid=command.uid, modseq=command.uses_modseq
        )
    return DONE


SORT = Verb(b"SORT", grammar.sort, run, SELECTED, Updates.KEEP_NUMBERS)
UID_SORT = Verb(b"UID SORT", grammar.uid_sort, run, SELECTED)
