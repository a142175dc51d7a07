"""STARTTLS (RFC 3207): nothing that came before it counts after it."""

from __future__ import annotations

from mailhub.smtp import grammar
from mailhub.smtp.replies import (
    START_TLS,
    TLS_ALREADY,
    TLS_INJECTION,
    TLS_UNAVAILABLE,
    Reply,
)
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply | None:
    """Answers in clear, then starts TLS and forgets hello, sender and login (section 4.2).

    A client waits for the answer; bytes that are here already were put there by someone else, who
    wants them taken for the client's, so the connection ends.
    """
    grammar.nothing(argument)
    if session.peer.tls is not None:
        return TLS_ALREADY
    if not session.offers_tls:
        return TLS_UNAVAILABLE
    if session.machine.pending:
        session.link.write(TLS_INJECTION.wire)
        session.link.close()
        return None
    session.link.write(START_TLS.wire)
    session.link.start_tls()
    session.restart()
    return None
