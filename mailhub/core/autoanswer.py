"""What automatic replies and a script's `vacation` have in common: the head, and how text is put.

Whether there is one, whom it is from and what it says is decided by those who use this.
"""

from __future__ import annotations

from email import policy
from email.headerregistry import Address
from email.message import EmailMessage

from mailhub.core import trace
from mailhub.core.personal import Incoming
from mailhub.wire import header

REFERENCES = 20
"""Message ids that an answer refers to: the first, and the last of the others."""
SUBJECT = 300
"""Characters of the subject that is answered."""


def answer(
    incoming: Incoming, *, sender: str, name: str, subject: str, message_id: str, by: str
) -> EmailMessage:
    """The answer's header, to whom `incoming` is from. `by`: the rest of `auto-replied` (RFC 3834
    section 5)."""
    made = EmailMessage(policy.SMTPUTF8 if needs_utf8(incoming, sender) else policy.SMTP)
    made["From"] = Address(line(name), addr_spec=sender)
    made["To"] = Address(addr_spec=incoming.sender)
    made["Subject"] = line(subject)
    made["Date"] = trace.date(incoming.now)
    made["Message-ID"] = message_id
    answered = incoming.mail.rendered.message_id
    if answered:
        ids = [*_referred(incoming), answered]
        kept = ids if len(ids) <= REFERENCES else ids[:1] + ids[1 - REFERENCES :]
        made["In-Reply-To"] = line(answered)
        made["References"] = line(" ".join(kept))
    made["Auto-Submitted"] = f"auto-replied {by}".rstrip()
    # Exchange answers even what says that a machine wrote it, but for this (MS-OXCMAIL 2.2.3.2.14).
    made["X-Auto-Response-Suppress"] = "All"
    return made


def needs_utf8(incoming: Incoming, sender: str) -> bool:
    """Whether the answer can only go over servers that know SMTPUTF8 (RFC 6531)."""
    return not (incoming.sender.isascii() and sender.isascii())


def _referred(incoming: Incoming) -> list[str]:
    """What the answered message refers to (RFC 5322 3.6.4)."""
    block = incoming.mail.header
    for name in (b"references", b"in-reply-to"):
        for value in header.values(block, name):
            found = header.message_ids(value, REFERENCES)
            if found:
                return found
    return []


def line(written: str) -> str:
    """`written` where a header can hold it: one line, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in written).split())


def lines(written: str) -> str:
    """Text with the line ends that `email` expects."""
    text = written.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text if text.endswith("\n") else text + "\n"


def encoding(written: str) -> str:
    """A transfer encoding with which every server passes it on unchanged."""
    longest = max(map(len, written.splitlines()), default=0)
    return "7bit" if written.isascii() and longest < 900 else "quoted-printable"
