"""RSET: ends the transaction, keeps the session (RFC 5321 section 4.1.1.5)."""

from __future__ import annotations

from mailhub.smtp import grammar
from mailhub.smtp.replies import OK, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """Also in the middle of chunks (RFC 3030 section 2)."""
    grammar.nothing(argument)
    session.reset()
    return OK
