"""HELO, EHLO and LHLO (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1): a new beginning.

The list of extensions is put together here and only here; what is offered depends on TLS, on the
listener and on the peer.
"""

from __future__ import annotations

from datetime import UTC, datetime

from mailhub.model.hook import HookStage
from mailhub.smtp import grammar, hooking, judging
from mailhub.smtp.replies import NO_LHLO, NO_SUCH_HELLO, Reply, reply
from mailhub.smtp.session import Session


async def helo(session: Session, argument: str) -> Reply:
    """The client speaks no extensions."""
    if session.reception.lmtp:
        return NO_SUCH_HELLO
    name = grammar.hello(argument)
    session.look_again()
    await judging.hello(session, name)
    await hooking.ask(session, HookStage.HELLO, helo=name)
    session.greeted(name, extended=False)
    return reply(250, "", session.reception.hostname)


async def ehlo(session: Session, argument: str) -> Reply:
    """The client wants the list of extensions."""
    return NO_SUCH_HELLO if session.reception.lmtp else await _extended(session, argument)


async def lhlo(session: Session, argument: str) -> Reply:
    """As EHLO, for LMTP."""
    return await _extended(session, argument) if session.reception.lmtp else NO_LHLO


async def _extended(session: Session, argument: str) -> Reply:
    name = grammar.hello(argument)
    session.look_again()
    await judging.hello(session, name)
    await hooking.ask(session, HookStage.HELLO, helo=name)
    session.greeted(name, extended=True)
    reception = session.reception
    mechanisms: tuple[str, ...] = ()
    if session.offers_auth and session.secure:
        mechanisms = reception.login.mechanisms(session.peer)
    inside = session.peer.tls is not None
    key = (session.offers_tls, inside, mechanisms, session.may_xclient)
    rest = reception.hellos.get(key)
    if rest is None:
        rest = reception.hellos[key] = _extensions(session, mechanisms)
    first = f"250-{reception.hostname} greets {name}\r\n"
    if session.offers_holding:
        first += _future_release(*reception.holding.limits)
    return Reply(250, first.encode() + rest)


def _future_release(interval: int, until: int) -> str:
    """RFC 4865 section 3: the longest time, and the latest, which goes on with the clock."""
    latest = datetime.fromtimestamp(until, UTC)
    return f"250-FUTURERELEASE {interval} {latest:%Y-%m-%dT%H:%M:%SZ}\r\n"


def _extensions(session: Session, mechanisms: tuple[str, ...]) -> bytes:
    settings = session.reception.settings
    words = [
        "PIPELINING",
        f"SIZE {settings.message_size}",
        # RFC 9422 section 4: what one session and one message may hold.
        f"LIMITS MAILMAX={settings.messages} RCPTMAX={settings.recipients}",
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
    ]
    if session.offers_tls:
        words.append("STARTTLS")
    if session.peer.tls is not None:
        words.append("REQUIRETLS")
    if mechanisms:
        words.append("AUTH " + " ".join(mechanisms))
    if session.may_xclient:
        words.append("XCLIENT " + " ".join(grammar.XCLIENT_ATTRIBUTES))
    words.append("HELP")
    return ("".join(f"250-{word}\r\n" for word in words[:-1]) + f"250 {words[-1]}\r\n").encode()
