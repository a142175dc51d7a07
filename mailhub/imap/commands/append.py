"""APPEND, of one message or several (RFC 9051 6.3.12, RFC 3502): all or none, in one commit."""

from __future__ import annotations

from mailhub.core.allowances import Kind
from mailhub.core.messages import NewMessage, check
from mailhub.imap.commands.numbers import destination, missing_may_be_created
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.uploads import Append, AppendHead, ReplaceHead, Upload, Uploaded
from mailhub.imap.replies import Refusal, Reply, bad, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb
from mailhub.model.mailbox import Mailbox
from mailhub.model.uids import UidSet


async def admit(session: Session, head: AppendHead | ReplaceHead, upload: Upload) -> Mailbox:
    """Refuses before the message is sent what would be refused after it."""
    if upload.utf8 and not session.utf8:
        raise Refusal(bad("Enable UTF8=ACCEPT first"))  # RFC 6855 section 4
    check(upload.flags)
    mailbox = await destination(session, head.mailbox)
    await session.site.allowances.transfer(session.account, Kind.IMAP_UPLOAD, upload.size)
    return mailbox


async def run(session: Session, command: Append) -> Reply:
    messages = [new_message(uploaded) for uploaded in command.messages]
    with missing_may_be_created():
        arrivals = await session.site.messages.append(command.mailbox, messages, session.actor)
    uids = UidSet.from_sorted([arrival.uid for arrival in arrivals])
    return ok("Appended", b"APPENDUID %d %b" % (arrivals[0].uidvalidity, uids.text()))


def new_message(uploaded: Uploaded) -> NewMessage:
    """What core stores of an upload."""
    return NewMessage(uploaded.body, uploaded.upload.flags, uploaded.upload.date)


APPEND = Verb(b"APPEND", grammar.append, run, AUTHENTICATED, admit=admit)
