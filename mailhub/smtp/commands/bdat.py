"""BDAT: the message in counted chunks (RFC 3030).

The bytes of a chunk are read in every state and whatever is wrong, since the next command stands
behind them.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.model.errors import MailhubError
from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking
from mailhub.smtp.content import ChunkContent, Newlines
from mailhub.smtp.faults import Fault
from mailhub.smtp.machine import State
from mailhub.smtp.replies import INTERNAL, Stage, of_error
from mailhub.smtp.session import Session

_ILLEGAL: Mapping[State, Fault] = {
    State.START: Fault.HELLO_FIRST,
    State.READY: Fault.MAIL_FIRST,
    State.MAIL: Fault.NO_RECIPIENTS,
}


async def run(session: Session, argument: str) -> None:
    """Reads a chunk; `ending` answers it."""
    size, last = grammar.bdat(argument)
    fault = _ILLEGAL.get(session.machine.state)
    if fault is not None:
        session.skip(size, session.reception.faults[fault])
        return
    try:
        if session.machine.state is State.RCPT:
            await hooking.ask(session, HookStage.DATA)
        transaction = session.open()
    except MailhubError as error:
        session.skip(size, of_error(error, Stage.CONTENT))
        return
    except Exception:
        session.link.report()
        session.skip(size, INTERNAL)
        return
    if transaction.chunks is None:
        reception = session.reception
        binary = transaction.reverse_path.body == "BINARYMIME"
        newlines = Newlines.KEEP if binary else reception.newlines
        transaction.chunks = ChunkContent(reception.settings.message_size, newlines)
    session.machine.start_chunk(transaction.chunks, size, last=last)
