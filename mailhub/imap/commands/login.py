"""LOGIN (RFC 9051 6.2.3)."""

from __future__ import annotations

from mailhub.core.crossing import Guest
from mailhub.imap import capabilities
from mailhub.imap.foreign import offered
from mailhub.imap.grammar import access
from mailhub.imap.grammar.values import Login
from mailhub.imap.replies import Refusal, Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import NOT_AUTHENTICATED, Updates, Verb
from mailhub.model.account import Principal, Service

PRIVACY = no("Use STARTTLS first", b"PRIVACYREQUIRED")


def require_privacy(session: Session) -> None:
    """No credentials in the clear, unless the administrator allows it. Raises Refusal."""
    if not (session.output.has_tls or session.site.settings.plaintext_auth):
        raise Refusal(PRIVACY)


async def welcome(session: Session, principal: Principal) -> Reply:
    """The session is the principal's now; the answer saves clients a CAPABILITY. Raises
    LimitReached where the account has as many sessions as it may have."""
    if isinstance(principal, Guest):
        return await _pass_on(session, principal)
    session.begin(principal, await session.site.sessions.enter(principal.account))
    return ok("Logged in", capabilities.code(session))


async def _pass_on(session: Session, guest: Guest) -> Reply:
    """The mailbox is at another server, which is where the session is from here on: the
    capabilities are its own."""
    crossing = guest.crossing
    try:
        session.begin(guest, await session.site.sessions.enter(guest.account))
    except BaseException:
        crossing.close()
        raise
    session.output.pass_on(crossing)
    return ok("Logged in", b"CAPABILITY " + offered(crossing.greeting))


async def run(session: Session, command: Login) -> Reply:
    require_privacy(session)
    principal = await session.site.login.plain(
        command.username, command.password, session.peer, Service.IMAP
    )
    return await welcome(session, principal)


LOGIN = Verb(b"LOGIN", access.login, run, NOT_AUTHENTICATED, Updates.NONE)
