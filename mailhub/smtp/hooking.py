"""Asks hooks at the stages of a session. What they refuse is answered by `replies`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailhub.core.hooking import check
from mailhub.model.hook import HookFacts, HookStage
from mailhub.smtp.session import Session


async def ask(session: Session, stage: HookStage, **new: Any) -> None:
    """`new`: fields of the facts that the session will have once this is accepted. Raises
    HookRefused."""
    hooks = session.reception.hooks
    if hooks.has(stage):
        await check(hooks, replace(facts_of(session, stage), **new))


def tell(session: Session, stage: HookStage) -> None:
    """Lets hooks know, and goes on."""
    hooks = session.reception.hooks
    if hooks.has(stage):
        hooks.tell(facts_of(session, stage))


def facts_of(session: Session, stage: HookStage) -> HookFacts:
    """All that is known of the session now."""
    transaction, principal, tls = session.transaction, session.principal, session.peer.tls
    path = transaction.reverse_path if transaction is not None else None
    return HookFacts(
        stage=stage,
        service=session.reception.service.value,
        session=session.id,
        peer=session.peer.address,
        tls=tls.version if tls is not None else "",
        helo=session.helo,
        user=principal.username if principal is not None else "",
        sender=path.address if path is not None else None,
        recipients=tuple(one.address for one in transaction.forward_paths) if transaction else (),
        size=path.size if path is not None else 0,
    )
