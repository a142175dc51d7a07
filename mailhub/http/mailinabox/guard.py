"""Who is calling: an address with its password, or with a session key; or the system key.

Everything is for administrators but logging in. Guesses count in the limits that all protocols
share. The reasons of a refusal are Mail-in-a-Box's own: its programs look for them.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from dataclasses import replace

from mailhub.core.credential import Visit
from mailhub.core.login import Login
from mailhub.core.one_time import OneTimeCodes
from mailhub.core.rights import Caller, Right, check
from mailhub.core.session_keys import SessionKeys
from mailhub.http.call import Call
from mailhub.http.mailinabox.replies import Denied
from mailhub.model.account import Account, Factor, Role, Scope, Service
from mailhub.model.change import Actor
from mailhub.model.errors import AuthenticationFailed, NotFound, NotPermitted

HEADER = "Authorization header invalid."
EMPTY = "Enter a password."
WRONG = "Incorrect email address or password."
NO_CODE = "missing-totp-token"
WRONG_CODE = "invalid-totp-token"
OTHER_FACTOR = "The second factor of this account cannot be shown here."
NO_ADMIN = "You are not an administrator."


class BoxGuard:
    """`system`: a key that programs on this machine log in with as its name; empty: there is
    none."""

    def __init__(
        self,
        login: Login,
        keys: SessionKeys,
        codes: OneTimeCodes,
        system: str = "",
    ) -> None:
        self._login = login
        self._keys = keys
        self._codes = codes
        self._system = system.encode()

    async def admit(self, call: Call, right: Right) -> Call:
        """The call with its caller, who is an administrator or the system itself.

        Raises Denied, TooManyAttempts, NotPermitted (a page of another site), Unavailable.
        """
        check_site(call)
        name, secret = credentials(call)
        if self._system and hmac.compare_digest(name.encode(), self._system):
            caller = Caller(call.peer.address)
        else:
            account = await self._keys.account(name, secret) or await self.by_password(call)
            if account.role is not Role.ADMIN:
                raise Denied(NO_ADMIN)
            caller = Caller(call.peer.address, account.number, account.id)
        check(caller, right, None)
        return replace(call, caller=caller)

    async def by_password(self, call: Call) -> Account:
        """Whose password it is, and whose one-time code where the account wants one. Raises as
        `admit`."""
        name, password = credentials(call)
        if not password.strip():
            raise Denied(EMPTY)
        try:
            visit = Visit(call.peer, Service.HTTP, Scope.MASTER)
            account = await self._login.whose(name, password, visit)
        except AuthenticationFailed:
            raise Denied(WRONG) from None
        if account.must_change:
            raise Denied(WRONG)
        await self._second(account, call)
        return account

    async def _second(self, account: Account, call: Call) -> None:
        if Factor.TOTP not in account.factors:
            if account.factors:
                raise Denied(OTHER_FACTOR)
            return
        code = call.header("x-auth-token")
        if not code:
            raise Denied(NO_CODE)
        actor = Actor(account.number, f"http {call.peer.address}")
        try:
            await self._codes.check(account, code, call.peer, actor)
        except (AuthenticationFailed, NotFound):
            raise Denied(WRONG_CODE) from None


def check_site(call: Call) -> None:
    """A browser adds a password that it knows to whatever request a page makes it send. Raises
    NotPermitted."""
    if call.header("sec-fetch-site") not in ("", "none", "same-origin"):
        raise NotPermitted("Other sites may not call this API")


def credentials(call: Call) -> tuple[str, str]:
    """Name and password as given. Raises Denied."""
    scheme, _, given = call.header("authorization").partition(" ")
    if scheme != "Basic":
        raise Denied(HEADER)
    try:
        decoded = b64decode(given.strip(), validate=True).decode()
    except ValueError:
        raise Denied(HEADER) from None
    name, colon, password = decoded.partition(":")
    if not colon:
        raise Denied(HEADER)
    return name, password
