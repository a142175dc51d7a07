"""What the message commands share: how messages and destinations are named, and told of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailhub.core.selected_view import SelectedView, Spans
from mailhub.imap.replies import Refusal, bad, no
from mailhub.imap.session import Session
from mailhub.model.errors import NotFound
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Copied
from mailhub.model.sequence import SequenceSet
from mailhub.model.uids import UidSet

NO_SUCH_MESSAGE = no("Some of the messages were expunged meanwhile", b"EXPUNGEISSUED")
"""RFC 5530: another session expunged them, and this one was not told yet."""


def wanted(view: SelectedView, messages: SequenceSet, *, uid: bool) -> Spans:
    """Where the named messages stand. Raises Refusal (BAD) for a number that no message has
    (RFC 9051 6.4.9, RFC 3501 section 9); UIDs may name what is not there."""
    spans = view.spans(messages, uid=uid)
    if spans is None:
        raise Refusal(bad("No message has this number"))
    return spans


def count(spans: Spans) -> int:
    """How many messages stand there."""
    return sum(stop - start for start, stop in spans)


async def destination(session: Session, name: str) -> Mailbox:
    """The mailbox that messages go to. Raises Refusal with TRYCREATE (RFC 9051 6.3.12)."""
    with missing_may_be_created():
        return await session.site.mailboxes.get(session.account, name)


@contextmanager
def missing_may_be_created() -> Iterator[None]:
    """Turns NotFound into a Refusal with TRYCREATE: the client may create the mailbox."""
    try:
        yield
    except NotFound as error:
        raise Refusal(no(error.text, b"TRYCREATE")) from None


def copy_uid(copied: Copied) -> bytes:
    """The COPYUID response code (RFC 4315 section 3)."""
    source = UidSet.from_sorted(copied.source).text()
    return b"COPYUID %d %b %b" % (
        copied.uidvalidity,
        source,
        UidSet.from_sorted(copied.destination).text(),
    )


def highest_modseq(session: Session, modseq: int) -> bytes:
    """The HIGHESTMODSEQ response code where messages went and the client keeps MODSEQs
    (RFC 7162 3.2.7); empty otherwise."""
    return b"HIGHESTMODSEQ %d" % modseq if modseq and session.condstore else b""
