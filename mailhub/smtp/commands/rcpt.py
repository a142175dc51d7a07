"""RCPT: adds a recipient (RFC 5321 sections 4.1.1.3 and 4.5.3.1.10)."""

from __future__ import annotations

from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking, judging
from mailhub.smtp.machine import State
from mailhub.smtp.replies import RECIPIENT_OK, TOO_MANY_RECIPIENTS, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """Accepts a recipient that exists here, or that the client may relay to. Raises as
    `Intake.recipient`, PolicyRefused and HookRefused."""
    transaction = session.transaction
    assert transaction is not None
    reverse_path = transaction.reverse_path
    path = grammar.rcpt(argument, extended=session.extended, utf8=reverse_path.utf8)
    if len(transaction.recipients) >= session.reception.settings.recipients:
        return TOO_MANY_RECIPIENTS
    recipient = await session.reception.intake.recipient(
        path, session.principal, session.trusted, size=reverse_path.size
    )
    found = await judging.recipient(session, path.address)
    known = tuple(one.address for one in transaction.forward_paths)
    await hooking.ask(session, HookStage.RCPT, recipients=(*known, path.address))
    transaction.forward_paths.append(path)
    transaction.recipients.append(recipient)
    transaction.found = found
    session.enter(State.RCPT)
    return RECIPIENT_OK
