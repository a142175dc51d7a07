"""The reply that a script's `vacation` asks for (RFC 5230), where RFC 3834 lets it be sent.

Whether a message may be answered by a machine is `policy.answering`'s, as for automatic replies;
which addresses are an account's own, `core.replying` knows.
"""

from __future__ import annotations

import hashlib
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import Parser

from mailhub.core import trace
from mailhub.core.personal import Incoming
from mailhub.model.decision import Once, Reply
from mailhub.model.errors import Invalid
from mailhub.policy.sieve.outcome import Vacation
from mailhub.wire import address as grammar
from mailhub.wire import header

SUBJECT = 300
"""Characters of a subject."""
REFERENCES = 20
"""Message ids that a reply refers to: the first, and the last of the others."""
MARK = "vacation:"
_FIELDS = ("content-",)
"""What a MIME entity of a script may bring into the header of the reply."""


def once_of(vacation: Vacation, sender: str) -> Once:
    """What keeps a sender from a second reply; one for each handle (RFC 5230 section 4.2). Raises
    Invalid."""
    handle = hashlib.sha256(vacation.handle.encode("utf-8", "replace")).hexdigest()[:32]
    return Once(f"{MARK}{handle}:{grammar.key(sender, delimiter='')}", vacation.seconds)


def reply(
    vacation: Vacation, incoming: Incoming, *, sender: str, name: str, message_id: str
) -> Reply:
    """The whole reply. `sender`: an address of the account's."""
    utf8 = not (incoming.sender.isascii() and sender.isascii())
    made = EmailMessage(policy.SMTPUTF8 if utf8 else policy.SMTP)
    made["From"] = Address(_line(name), addr_spec=sender)
    made["To"] = Address(addr_spec=incoming.sender)
    made["Subject"] = _subject(vacation, incoming)
    made["Date"] = trace.date(incoming.now)
    made["Message-ID"] = message_id
    answered = incoming.mail.rendered.message_id
    if answered:
        ids = [*_referred(incoming), answered]
        kept = ids if len(ids) <= REFERENCES else ids[:1] + ids[1 - REFERENCES :]
        made["In-Reply-To"] = _line(answered)
        made["References"] = _line(" ".join(kept))
    made["Auto-Submitted"] = "auto-replied (vacation)"
    # Exchange answers even what says that a machine wrote it, but for this (MS-OXCMAIL 2.2.3.2.14).
    made["X-Auto-Response-Suppress"] = "All"
    if vacation.mime:
        _put_entity(made, vacation.text)
    else:
        text = _lines(vacation.text)
        made.set_content(text, cte="7bit" if _is_simple(text) else "quoted-printable")
    once = once_of(vacation, incoming.sender)
    return Reply(incoming.sender, made.as_bytes(), once=once, utf8=utf8)


def sender_of(vacation: Vacation, incoming: Incoming, own: bool) -> str:
    """Whom the reply is from: as the script says where that is an address of the account's."""
    if vacation.sender and own:
        try:
            return grammar.join(*grammar.split(vacation.sender))
        except Invalid:
            return incoming.address
    return incoming.address


def _subject(vacation: Vacation, incoming: Incoming) -> str:
    """RFC 5230 section 4.3."""
    if vacation.subject:
        return _line(vacation.subject)[:SUBJECT]
    return _line(f"Auto: {incoming.mail.rendered.subject[:SUBJECT]}")


def _put_entity(made: EmailMessage, source: str) -> None:
    """`:mime`: the text is an entity with a header of its own (RFC 5230 section 4.4)."""
    entity = Parser(policy=policy.SMTP).parsestr(source.replace("\r\n", "\n"))
    made["MIME-Version"] = "1.0"
    for field, value in entity.items():
        if field.lower().startswith(_FIELDS) and field.lower() not in made:
            made[field] = _line(str(value))
    if "content-type" not in made:
        made["Content-Type"] = 'text/plain; charset="utf-8"'
    if "content-transfer-encoding" not in made and not source.isascii():
        made["Content-Transfer-Encoding"] = "8bit"
    body = source.replace("\r\n", "\n").partition("\n\n")[2]
    made.set_payload(body.encode("utf-8", "surrogateescape").decode("ascii", "surrogateescape"))


def _referred(incoming: Incoming) -> list[str]:
    """What the answered message refers to (RFC 5322 3.6.4)."""
    for name in (b"references", b"in-reply-to"):
        for value in header.values(incoming.mail.header, name):
            found = header.message_ids(value, REFERENCES)
            if found:
                return found
    return []


def _line(written: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in written).split())


def _lines(written: str) -> str:
    text = written.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text if text.endswith("\n") else text + "\n"


def _is_simple(text: str) -> bool:
    return text.isascii() and max(map(len, text.splitlines()), default=0) < 900
