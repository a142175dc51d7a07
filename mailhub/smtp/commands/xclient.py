"""XCLIENT: a trusted proxy tells for whom it speaks (Postfix's extension, in nginx too).

https://www.postfix.org/XCLIENT_README.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailhub.model.account import Principal
from mailhub.model.errors import AccountDisabled, AuthenticationFailed
from mailhub.smtp import grammar, judging
from mailhub.smtp.machine import State
from mailhub.smtp.replies import XCLIENT_DENIED, Reply, greeting
from mailhub.smtp.session import Session


async def run(session: Session, argument: str) -> Reply:
    """The session begins anew, as if the named client had connected. Raises AuthenticationFailed
    for a LOGIN that is no account here, PolicyRefused for a client that is not wanted."""
    if not session.may_xclient:
        return XCLIENT_DENIED
    values = grammar.xclient(argument)
    principal = await _principal(session, values["LOGIN"]) if values.get("LOGIN") else None
    session.restart()
    _take_place(session, values)
    session.met_anew()
    await judging.connect(session)
    if principal is not None:
        session.logged_in(principal)
    if values.get("HELO"):
        session.enter(State.READY)
        session.helo = values["HELO"]
        session.extended = values.get("PROTO", "").upper() != "SMTP"
    reception = session.reception
    reception.log.event(
        "xclient", session=session.id, peer=session.peer.address, proxy=session.link.peer().address
    )
    return greeting(reception.hostname, reception.settings.banner, lmtp=reception.lmtp)


def _take_place(session: Session, values: Mapping[str, str]) -> None:
    """An attribute that is not named stays as it was; one that the proxy does not know is lost."""
    peer = session.peer
    session.peer = replace(
        peer,
        address=(values["ADDR"] or "unknown") if "ADDR" in values else peer.address,
        port=int(values["PORT"] or 0) if "PORT" in values else peer.port,
        local_address=values.get("DESTADDR", peer.local_address),
        local_port=int(values["DESTPORT"] or 0) if "DESTPORT" in values else peer.local_port,
    )


async def _principal(session: Session, username: str) -> Principal:
    """The account that the proxy has authenticated."""
    _, account = await session.reception.login.find(username)
    if account is None:
        raise AuthenticationFailed
    if account.disabled or account.suspended:
        raise AccountDisabled
    return Principal(
        account=account.number,
        account_id=account.id,
        username=account.username,
        role=account.role,
        service=session.reception.service,
        auth_version=account.auth_version,
    )
