"""THREAD and UID THREAD (RFC 5256)."""

from __future__ import annotations

from mailhub.imap import search_results
from mailhub.imap.grammar import search as grammar
from mailhub.imap.grammar.values import Thread
from mailhub.imap.progress import Reporter
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb

DONE = ok("Thread completed")


async def run(session: Session, command: Thread) -> Reply:
    messages, view = session.site.messages, session.view
    found = await messages.find(view, command.key, Reporter(session))
    roots = await messages.thread(view, found, command.algorithm, uid=command.uid)
    spelled = search_results.threads(roots)
    await session.send(b"* THREAD %b\r\n" % spelled if spelled else b"* THREAD\r\n")
    return DONE


THREAD = Verb(b"THREAD", grammar.thread, run, SELECTED, Updates.KEEP_NUMBERS)
UID_THREAD = Verb(b"UID THREAD", grammar.uid_thread, run, SELECTED)
