"""HELP: which commands there are (RFC 5321 section 4.1.1.8)."""

from __future__ import annotations

from mailhub.smtp.replies import Reply, lines
from mailhub.smtp.session import Session

_TAIL = "RSET NOOP QUIT HELP VRFY EXPN"


async def run(session: Session, argument: str) -> Reply:
    """The same for every topic. What needs the right peer or TLS is not told."""
    hello = "LHLO" if session.reception.lmtp else "EHLO HELO"
    more = " AUTH" if session.offers_auth else ""
    more += " STARTTLS" if session.offers_tls else ""
    return lines(214, "2.0.0", (f"{hello} MAIL RCPT DATA BDAT{more}", _TAIL))
