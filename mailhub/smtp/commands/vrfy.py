"""VRFY: whether an address exists, which strangers are not told (RFC 5321 sections 3.5 and 7.3)."""

from __future__ import annotations

from mailhub.model.errors import Invalid, NotFound
from mailhub.smtp import path
from mailhub.smtp.commands import mail
from mailhub.smtp.faults import Fault, Refusal
from mailhub.smtp.replies import CANNOT_VERIFY, UNKNOWN_USER, VERIFIED, Reply
from mailhub.smtp.session import Session

_UTF8 = " SMTPUTF8"


async def run(session: Session, argument: str) -> Reply:
    """252, or with `smtp.vrfy` the truth about a local address; names are not looked up."""
    denied = mail.barred(session)
    if denied is not None:
        return denied
    if not argument:
        raise Refusal(Fault.SYNTAX)
    text, utf8 = argument, False
    if text.upper().endswith(_UTF8):  # RFC 6531 section 3.7.4.2
        text, utf8 = text[: -len(_UTF8)], True
    if not utf8 and not text.isascii():
        raise Refusal(Fault.NEEDS_UTF8)
    text = text.removeprefix("<").removesuffix(">")
    addresses = session.reception.addresses
    if not session.reception.settings.vrfy or not path.mailbox(text):
        return CANNOT_VERIFY
    try:
        if not await addresses.is_local_address(text):
            return CANNOT_VERIFY
        await addresses.resolve(text)
    except (NotFound, Invalid):
        return UNKNOWN_USER
    return VERIFIED
