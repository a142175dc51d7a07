"""The reply that a script's `vacation` asks for (RFC 5230), where RFC 3834 lets it be sent.

Whether a message may be answered by a machine is `policy.answering`'s, as for automatic replies;
which addresses are an account's own, `core.replying` knows.
"""

from __future__ import annotations

import hashlib
from email import policy
from email.message import EmailMessage
from email.parser import Parser

from mailhub.core.autoanswer import SUBJECT, answer, encoding, line, lines, needs_utf8
from mailhub.core.personal import Incoming
from mailhub.model.decision import Once, Reply
from mailhub.model.errors import Invalid
from mailhub.policy.sieve.outcome import Vacation
from mailhub.wire import address as grammar

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
    made = answer(
        incoming,
        sender=sender,
        name=name,
        subject=_subject(vacation, incoming),
        message_id=message_id,
        by="(vacation)",
    )
    if vacation.mime:
        _put_entity(made, vacation.text)
    else:
        made.set_content(lines(vacation.text), cte=encoding(vacation.text))
    once = once_of(vacation, incoming.sender)
    return Reply(incoming.sender, made.as_bytes(), once=once, utf8=needs_utf8(incoming, sender))


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
        return line(vacation.subject)[:SUBJECT]
    return f"Auto: {incoming.mail.rendered.subject[:SUBJECT]}"


def _put_entity(made: EmailMessage, source: str) -> None:
    """`:mime`: the text is an entity with a header of its own (RFC 5230 section 4.4)."""
    entity = Parser(policy=policy.SMTP).parsestr(source.replace("\r\n", "\n"))
    made["MIME-Version"] = "1.0"
    for field, value in entity.items():
        if field.lower().startswith(_FIELDS) and field.lower() not in made:
            made[field] = line(str(value))
    if "content-type" not in made:
        made["Content-Type"] = 'text/plain; charset="utf-8"'
    if "content-transfer-encoding" not in made and not source.isascii():
        made["Content-Transfer-Encoding"] = "8bit"
    body = source.replace("\r\n", "\n").partition("\n\n")[2]
    made.set_payload(body.encode("utf-8", "surrogateescape").decode("ascii", "surrogateescape"))
