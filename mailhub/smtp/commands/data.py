"""DATA: the message as dot-stuffed lines (RFC 5321 section 4.1.1.4)."""

from __future__ import annotations

from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking
from mailhub.smtp.content import DotContent
from mailhub.smtp.faults import Fault, Refusal
from mailhub.smtp.replies import START_INPUT, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """Opens the spool; what follows is content, answered by `ending`. Raises as `Intake.spool`,
    and HookRefused."""
    grammar.nothing(argument)
    transaction = session.transaction
    assert transaction is not None
    if transaction.reverse_path.body == "BINARYMIME":
        raise Refusal(Fault.BINARY_NEEDS_BDAT)  # RFC 3030 section 3
    await hooking.ask(session, HookStage.DATA)
    session.open()
    reception = session.reception
    session.machine.start_data(DotContent(reception.settings.message_size, reception.newlines))
    return START_INPUT
