"""The end of content, after DATA or BDAT: the message is handed to core, and answered.

A `250` is written only after core returned, which is after its commit was synced. LMTP answers
once for each recipient (RFC 2033 section 4.2).
"""

from __future__ import annotations

from mailhub.core.judging import Met
from mailhub.model.errors import MailhubError
from mailhub.smtp.faults import Fault
from mailhub.smtp.machine import End, State
from mailhub.smtp.replies import (
    CHUNK_TAKEN,
    FAULTS,
    INTERNAL,
    Reply,
    Stage,
    delivered,
    of_error,
    queued,
    relayed,
)
from mailhub.smtp.session import Session, Transaction


async def run(session: Session, end: End) -> tuple[Reply, ...]:
    """All that is to be answered now."""
    if session.skipped is not None:
        (state, answer), session.skipped = session.skipped, None
        session.enter(state)
        return (answer,)
    transaction = session.transaction
    assert transaction is not None
    chunks = transaction.chunks
    if chunks is not None and not chunks.last and end.fault is None:
        session.enter(State.CHUNKS)
        return (CHUNK_TAKEN,)
    transaction = session.take()
    last = chunks is None or chunks.last
    times = len(transaction.recipients) if session.reception.lmtp and last else 1
    if end.fault is not None:
        transaction.abort()
        return (_refusal(session, transaction, end.fault),) * times
    try:
        return await _accept(session, transaction, end.plain)
    except MailhubError as error:
        _note(session, transaction, type(error).__name__)
        return (of_error(error, Stage.CONTENT, session.reception.over_quota),) * times
    except Exception:
        session.link.report()
        _note(session, transaction, "failed")
        return (INTERNAL,) * times


def _refusal(session: Session, transaction: Transaction, fault: Fault) -> Reply:
    failure = transaction.failure
    _note(session, transaction, fault.name if failure is None else type(failure).__name__)
    if failure is None:
        return FAULTS[fault]
    return of_error(failure, Stage.CONTENT, session.reception.over_quota)


async def _accept(session: Session, transaction: Transaction, plain: bool) -> tuple[Reply, ...]:
    intake = session.reception.intake
    envelope, spool = transaction.envelope, transaction.spool
    assert envelope is not None
    assert spool is not None
    spool.plain = plain
    transaction.spool = None  # it is core's now, on every path
    recipients = transaction.recipients
    met = Met(transaction.found, session.visit)
    if not session.reception.lmtp:
        await intake.accept(envelope, recipients, spool, met)
        _note(session, transaction, "accepted")
        session.errors = 0
        return (queued(envelope.transaction),)
    replies = []
    outcomes = await intake.accept_each(envelope, recipients, spool, met)
    for recipient, outcome in zip(recipients, outcomes, strict=True):
        if isinstance(outcome, MailhubError):
            answer = of_error(outcome, Stage.CONTENT, session.reception.over_quota)
        elif outcome is None:
            answer = relayed(recipient.path.address)
        else:
            answer = delivered(recipient.path.address)
        replies.append(answer)
    _note(session, transaction, "accepted" if any(r.code == 250 for r in replies) else "refused")
    return tuple(replies)


def _note(session: Session, transaction: Transaction, outcome: str) -> None:
    envelope = transaction.envelope
    assert envelope is not None
    principal = session.principal
    session.reception.log.event(
        "message",
        session=session.id,
        peer=session.peer.address,
        account=None if principal is None else principal.account_id,
        transaction=envelope.transaction,
        recipients=len(transaction.recipients),
        outcome=outcome,
    )
