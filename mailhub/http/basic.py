"""Who is calling, by HTTP Basic (RFC 7617): an administrator's account, or one configured name.

Guesses count in the limits that all protocols share. What a caller may do is core's affair.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

from mailhub.core.login import Login
from mailhub.http.call import Call
from mailhub.model.account import Role, Service
from mailhub.model.change import Actor
from mailhub.model.errors import AuthenticationFailed, NotPermitted


@dataclass(frozen=True, slots=True)
class Operator:
    """A name and password that the configuration holds; no `name`: there is none."""

    name: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is let in. `name`: the account's username, or the operator's; `actor`: as the journal
    names who changed something."""

    name: str
    actor: Actor


class BasicGuard:
    """Lets administrators in, and the operator."""

    def __init__(self, login: Login, operator: Operator) -> None:
        self._login = login
        self._operator = operator

    async def actor(self, call: Call) -> Actor:
        """The caller, as the journal names it. Raises as `caller`."""
        return (await self.caller(call)).actor

    async def caller(self, call: Call) -> Caller:
        """Who calls.

        Raises AuthenticationFailed (nobody, or wrong), TooManyAttempts, NotPermitted (no
        administrator, or a page of another site that a browser shows), Unavailable.
        """
        if call.header("sec-fetch-site") not in ("", "none", "same-origin"):
            # A browser adds a password that it knows to whatever request a page makes it send.
            raise NotPermitted("Other sites may not call this API")
        name, password = _credentials(call)
        source = f"http {call.peer.address}"
        operator = self._operator
        if operator.name and operator.password and name == operator.name:
            await self._login.operator(name, password, operator.password, call.peer, Service.HTTP)
            return Caller(name, Actor(None, source))
        principal = await self._login.plain(name, password, call.peer, Service.HTTP)
        if principal.role is not Role.ADMIN:
            raise NotPermitted("Only an administrator may do this")
        return Caller(principal.username, Actor(principal.account, source))


def _credentials(call: Call) -> tuple[str, str]:
    scheme, _, given = call.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        raise AuthenticationFailed("Authentication is required")
    try:
        name, colon, password = b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise AuthenticationFailed from None
    if not colon:
        raise AuthenticationFailed
    return name, password
