"""Asks what policy finds at the stages of a session. What is refused is answered by `replies`; what
is looked at, and what it leads to, is `core.judging`'s.
"""

from __future__ import annotations

from typing import Any

from mailhub.model.envelope import ReversePath
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.smtp.session import Session


async def connect(session: Session) -> None:
    """A client is here. Raises PolicyRefused, Unavailable."""
    if session.reception.judging.has(Stage.CONNECT):
        await session.reception.relays.refresh()
        session.arrived = await _ask(session, Stage.CONNECT, later=session.offers_auth, findings=())


async def hello(session: Session, name: str) -> None:
    """It says who it is. Raises PolicyRefused."""
    session.found = await _ask(
        session,
        Stage.HELLO,
        later=session.offers_auth,
        helo=name,
        sender=None,
        recipients=(),
        findings=session.arrived,
    )


async def sender(session: Session, path: ReversePath) -> tuple[Finding, ...]:
    """MAIL would be accepted. What was found before a user logged in is not held against them.
    Raises PolicyRefused."""
    found = session.found if session.principal is None else ()
    return await _ask(session, Stage.SENDER, sender=path.address, size=path.size, findings=found)


async def recipient(session: Session, address: str) -> tuple[Finding, ...]:
    """RCPT would be accepted. Raises PolicyRefused; others of the same message may be taken."""
    transaction = session.transaction
    assert transaction is not None
    if not session.reception.judging.has(Stage.RECIPIENT):
        return transaction.found
    known = tuple(one.address for one in transaction.forward_paths)
    return await _ask(session, Stage.RECIPIENT, recipients=(*known, address))


async def _ask(
    session: Session, stage: Stage, *, later: bool = False, **new: Any
) -> tuple[Finding, ...]:
    """`new`: facts that the session will have once this is accepted."""
    judging = session.reception.judging
    if not (judging.has(stage) or new.get("findings", session.findings)):
        return ()
    found = await judging.ask(stage, _facts(session, **new), later=later)
    session.slow_down(max((one.delay for one in found), default=0.0))
    return found


def _facts(session: Session, **new: Any) -> Facts:
    transaction = session.transaction
    path = transaction.reverse_path if transaction is not None else None
    exempt = session.reception.judging.exempts(session.peer.address)
    known: dict[str, Any] = {
        "peer": session.peer,
        "service": session.reception.service,
        "helo": session.helo,
        "principal": session.principal,
        "sender": path.address if path is not None else None,
        "recipients": tuple(one.address for one in transaction.forward_paths)
        if transaction
        else (),
        "findings": session.findings,
        "trusted": session.trusted or exempt,
        "visit": session.visit,
        "size": path.size if path is not None else 0,
    }
    return Facts(**known | new)
