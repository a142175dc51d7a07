"""REPLACE and UID REPLACE (RFC 8508): a new message comes and the old one goes in one commit."""

from __future__ import annotations

from mailhub.imap.commands import append
from mailhub.imap.commands.numbers import (
    NO_SUCH_MESSAGE,
    highest_modseq,
    wanted,
)
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.uploads import AppendHead, Replace, ReplaceHead, Upload
from mailhub.imap.replies import Refusal, Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Verb
from mailhub.model.mailbox import Mailbox
from mailhub.model.sequence import SequenceSet

NO_MESSAGE = no("There is no such message", b"NONEXISTENT")


async def admit(session: Session, head: AppendHead | ReplaceHead, upload: Upload) -> Mailbox:
    """As APPEND; and the old message has to be there."""
    if isinstance(head, ReplaceHead):
        _replaced(session, head)
    return await append.admit(session, head, upload)


async def run(session: Session, command: Replace) -> Reply:
    view = session.writable_view
    uid = _replaced(session, command)
    (arrival,) = await session.site.messages.append(
        command.mailbox,
        [append.new_message(command.uploaded)],
        session.actor,
        replaces=(view.box.number, uid),
    )
    session.write(
        b"* OK [APPENDUID %d %d] Replacement message ready\r\n" % (arrival.uidvalidity, arrival.uid)
    )
    return ok("Replaced", highest_modseq(session, view.box.highestmodseq))


def _replaced(session: Session, named: ReplaceHead | Replace) -> int:
    """The UID of the message that goes. Raises Refusal, NotPermitted."""
    view = session.writable_view
    messages = SequenceSet(((named.message, named.message),))
    uids = view.rows(wanted(view, messages, uid=named.uid)).uids
    if len(uids) != 1:
        raise Refusal(NO_MESSAGE if named.uid else NO_SUCH_MESSAGE)
    return uids[0]


REPLACE = Verb(b"REPLACE", grammar.replace, run, SELECTED, admit=admit)
UID_REPLACE = Verb(b"UID REPLACE", grammar.uid_replace, run, SELECTED, admit=admit)
