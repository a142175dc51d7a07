"""NOOP: nothing (RFC 5321 section 4.1.1.9)."""

from __future__ import annotations

from mailhub.smtp.replies import OK, Reply
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """An argument is allowed and means nothing."""
    return OK
