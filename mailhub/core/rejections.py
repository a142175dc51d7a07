"""A refusal that a script asked for (RFC 5429): in SMTP where there is still time, else as a
disposition notification (RFC 8098)."""

from __future__ import annotations

from email import policy
from email.headerregistry import Address
from email.message import EmailMessage

from mailhub.core import trace
from mailhub.core.personal import Incoming
from mailhub.model.decision import Refusal, Reply
from mailhub.policy.answering import is_person, may_answer
from mailhub.policy.sieve.outcome import Rejection

TEXT = 400
"""Characters of a reason that are said in SMTP."""
REASON = 8 * 1024
"""Characters of a reason that stand in a notification."""
HEADER = 16 * 1024
"""Octets of the refused message's header that go back."""
GENERIC = "The recipient does not want this message"


def refusal(rejection: Rejection, incoming: Incoming, *, hostname: str, boundary: str) -> Refusal:
    """What the sender is told. Nobody is written to where the message is junk, or where no person
    sent it: the sender may be forged, and a notification would be one more unwanted message."""
    answered = is_person(incoming.sender) and may_answer(incoming.mail.header)
    reply = None
    if answered and not incoming.spam:
        reply = Reply(incoming.sender, notification(rejection, incoming, hostname, boundary))
    return Refusal(spoken(rejection.text), reply)


def spoken(text: str) -> str:
    """A reason as one line of an SMTP reply; RFC 5429 section 2.1.1 allows ASCII alone there."""
    line = " ".join(text.split())[:TEXT]
    return line if line and line.isascii() and line.isprintable() else GENERIC


def notification(rejection: Rejection, incoming: Incoming, hostname: str, boundary: str) -> bytes:
    """RFC 5429 section 2.2.1; `boundary`: never the same twice."""
    ascii_only = incoming.sender.isascii() and incoming.recipient.isascii()
    made = EmailMessage(policy.SMTP if ascii_only else policy.SMTPUTF8)
    rendered = incoming.mail.rendered
    made["From"] = Address(addr_spec=incoming.address)
    made["To"] = Address(addr_spec=incoming.sender)
    made["Subject"] = "Rejected: " + " ".join(rendered.subject[:200].split())
    made["Date"] = trace.date(incoming.now)
    made["Message-ID"] = f"<{boundary}@{hostname}>"
    if rendered.message_id:
        made["In-Reply-To"] = rendered.message_id
        made["References"] = rendered.message_id
    made["Auto-Submitted"] = "auto-replied (rejected)"
    made["MIME-Version"] = "1.0"
    made.make_mixed(boundary)
    made.set_type("multipart/report")
    made.set_param("report-type", "disposition-notification")
    for part in (_words(rejection, incoming), _disposition(incoming, hostname), _header(incoming)):
        made.attach(part)
    return made.as_bytes()


def _words(rejection: Rejection, incoming: Incoming) -> EmailMessage:
    part = EmailMessage(policy.SMTP)
    reason = "\n".join(rejection.text[:REASON].replace("\0", "").splitlines())
    part.set_content(
        f"Your message was refused by <{incoming.recipient}>:\n\n{reason}\n",
        cte="quoted-printable",
    )
    return _inner(part)


def _disposition(incoming: Incoming, hostname: str) -> EmailMessage:
    kind = "rfc822" if incoming.recipient.isascii() else "utf-8"
    lines = [f"Reporting-UA: {hostname}; mailhub"]
    if incoming.orcpt and incoming.orcpt.isascii():
        lines.append(f"Original-Recipient: {' '.join(incoming.orcpt.split())}")
    lines.append(f"Final-Recipient: {kind};{incoming.recipient}")
    if incoming.mail.rendered.message_id:
        lines.append(f"Original-Message-ID: {incoming.mail.rendered.message_id}")
    lines.append("Disposition: automatic-action/MDN-sent-automatically; deleted")
    part = EmailMessage(policy.SMTP)
    part["Content-Type"] = "message/disposition-notification"
    part.set_payload("\n".join(lines) + "\n")
    return part


def _header(incoming: Incoming) -> EmailMessage:
    block = incoming.mail.header[:HEADER]
    part = EmailMessage(policy.SMTP)
    part.set_content(
        block.decode("utf-8", "replace").replace("\r\n", "\n"),
        subtype="rfc822-headers",
        cte="quoted-printable",
    )
    return _inner(part)


def _inner(part: EmailMessage) -> EmailMessage:
    del part["MIME-Version"]
    return part
