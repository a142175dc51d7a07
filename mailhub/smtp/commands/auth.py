"""AUTH (RFC 4954): SASL in base64. What a mechanism says, and who may log in, is core's."""

from __future__ import annotations

import base64
import binascii

from mailhub.model.account import Principal
from mailhub.model.errors import MailhubError
from mailhub.smtp import grammar
from mailhub.smtp.machine import State
from mailhub.smtp.replies import (
    AUTH_ALREADY,
    AUTH_CANCELLED,
    AUTH_MALFORMED,
    AUTH_MECHANISM,
    AUTH_NEEDS_TLS,
    AUTH_OK,
    AUTH_UNAVAILABLE,
    Reply,
    Stage,
    of_error,
)
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """Begins an exchange. A mail transaction forbids it: the machine refuses that."""
    if not session.offers_auth:
        return AUTH_UNAVAILABLE
    if session.principal is not None:
        return AUTH_ALREADY
    mechanism, initial = grammar.auth(argument)
    if not session.secure:
        return AUTH_NEEDS_TLS
    login = session.reception.login
    if mechanism not in login.mechanisms(session.peer):
        return AUTH_MECHANISM
    session.exchange = login.exchange(mechanism, session.peer, session.reception.service)
    session.enter(State.AUTH)
    if initial is None:
        return await _step(session, b"")
    # A lone `=` is an initial response of no bytes (section 4).
    return await respond(session, b"" if initial == "=" else initial.encode())


async def respond(session: Session, line: bytes) -> Reply:
    """The client's answer to a challenge."""
    if line == b"*":
        return _end(session, AUTH_CANCELLED)
    try:
        response = base64.b64decode(line, validate=True)
    except binascii.Error:
        return _end(session, AUTH_MALFORMED)
    return await _step(session, response)


async def _step(session: Session, response: bytes) -> Reply:
    exchange = session.exchange
    assert exchange is not None
    try:
        answer = await exchange.step(response)
        if isinstance(answer, Principal):
            session.logged_in(answer)
    except MailhubError as error:
        _note(session, type(error).__name__)
        return _end(session, of_error(error, Stage.AUTH))
    except BaseException:
        _end(session, AUTH_CANCELLED)
        raise
    if isinstance(answer, Principal):
        _note(session, "ok")
        return _end(session, AUTH_OK)
    return Reply(334, b"334 " + base64.b64encode(answer) + b"\r\n")


def _end(session: Session, answer: Reply) -> Reply:
    session.exchange = None
    session.enter(State.READY)
    return answer


def _note(session: Session, outcome: str) -> None:
    principal = session.principal
    session.reception.log.event(
        "auth",
        session=session.id,
        peer=session.peer.address,
        account=None if principal is None else principal.account_id,
        outcome=outcome,
    )
