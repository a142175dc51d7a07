"""MAIL: begins a transaction (RFC 5321 section 4.1.1.2, RFC 1870, RFC 6409 section 4.3,
RFC 4865, RFC 8689)."""

from __future__ import annotations

from dataclasses import replace

from mailhub.model.account import Service
from mailhub.model.envelope import ReversePath
from mailhub.model.errors import Invalid
from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking, judging
from mailhub.smtp.faults import Fault, Refusal
from mailhub.smtp.replies import (
    AUTH_FIRST,
    NEEDS_TLS,
    SENDER_OK,
    TLS_FIRST,
    TOO_MANY_MESSAGES,
    Reply,
)
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """Checks who sends, how large it will be, and whether they may. Raises as `Intake.sender`,
    PolicyRefused and HookRefused."""
    reception = session.reception
    await reception.relays.refresh()
    denied = barred(session)
    if denied is not None:
        return denied
    path = grammar.mail(argument, extended=session.extended)
    if path.size > reception.settings.message_size:
        raise Refusal(Fault.TOO_LARGE)
    if session.messages >= reception.settings.messages:
        return TOO_MANY_MESSAGES
    if path.auth and session.principal is None and not session.trusted:
        # RFC 4954 section 5: from who is not trusted, it says nothing.
        path = replace(path, auth="")
    if path.require_tls and session.peer.tls is None:
        return NEEDS_TLS
    path = _held_back(session, path)
    await reception.intake.sender(path, session.principal)
    found = await judging.sender(session, path)
    await hooking.ask(session, HookStage.MAIL, sender=path.address, size=path.size)
    session.begin(path, found)
    return SENDER_OK


def _held_back(session: Session, path: ReversePath) -> ReversePath:
    """Says until when it is held back. Raises Refusal."""
    if path.hold is None:
        return path
    if not session.offers_holding:
        raise Refusal(Fault.UNKNOWN_PARAMETER)
    try:
        return replace(path, hold_until=session.reception.holding.until(path.hold))
    except Invalid:
        # RFC 4865 section 5 has what cannot be done answered as what cannot be read.
        raise Refusal(Fault.HOLD_LIMIT) from None


def barred(session: Session) -> Reply | None:
    """Submission is for users that logged in, and for trusted networks (RFC 6409 section 4.3)."""
    if (
        session.reception.service is not Service.SUBMISSION
        or session.principal is not None
        or session.trusted
    ):
        return None
    return AUTH_FIRST if session.secure or not session.offers_tls else TLS_FIRST
