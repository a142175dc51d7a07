"""EXPN: who is on a list, which is never told (RFC 5321 sections 3.5.3 and 7.3)."""

from __future__ import annotations

from mailhub.smtp.commands import mail
from mailhub.smtp.faults import Fault, Refusal
from mailhub.smtp.replies import CANNOT_VERIFY, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """The members of an alias are its owner's secret; 252 is the RFC's word for that."""
    denied = mail.barred(session)
    if denied is not None:
        return denied
    if not argument:
        raise Refusal(Fault.SYNTAX)
    return CANNOT_VERIFY
