"""QUIT: a clean end (RFC 5321 section 4.1.1.10)."""

from __future__ import annotations

from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking
from mailhub.smtp.replies import BYE, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """A message that was not accepted yet is forgotten; `talk` closes after the reply."""
    grammar.nothing(argument)
    hooking.tell(session, HookStage.QUIT)
    return BYE
