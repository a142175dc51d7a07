"""How commands name messages: by number, by UID, by `$`; and what is wrong with a number."""

from __future__ import annotations

from mailhub.core.selected_view import SelectedView, Spans
from mailhub.imap.replies import Refusal, bad, no
from mailhub.model.sequence import SequenceSet

NO_SUCH_MESSAGE = no("Some of the messages were expunged meanwhile", b"EXPUNGEISSUED")
"""RFC 5530: another session expunged them, and this one was not told yet."""


def wanted(view: SelectedView, messages: SequenceSet, *, uid: bool) -> Spans:
    """Where the named messages stand. Raises Refusal (BAD) for a number that no message has
    (RFC 9051 6.4.9, RFC 3501 section 9); UIDs may name what is not there."""
    spans = view.spans(messages, uid=uid)
    if spans is None:
        raise Refusal(bad("No message has this number"))
    return spans
