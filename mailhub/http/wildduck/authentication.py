"""WildDuck's POST /authenticate: an application asks whether its own user's password is right."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.login import Login
from mailhub.core.rights import Resource, creates
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, shapes, user_shapes
from mailhub.model.account import Service
from mailhub.model.errors import AuthenticationFailed, NotFound, TooManyAttempts

SCOPES = {
    "master": Service.HTTP,
    "imap": Service.IMAP,
    "pop3": Service.POP3,
    "smtp": Service.SUBMISSION,
}


class Authentication:
    """The call. Guess limits count against the machine that calls, never against the `ip` it
    names: that is a label anyone with the token can choose."""

    def __init__(self, accounts: Accounts, login: Login) -> None:
        self._accounts = accounts
        self._login = login

    @route("POST", "/authenticate", right=creates(Resource.AUTHENTICATION))
    async def authenticate(self, call: Call) -> Answer:
        """The user of these credentials; every refusal is a 403."""
        wanted = shapes.read(user_shapes.Login, call)
        service = SCOPES.get(wanted.scope)
        if service is None:
            raise replies.Refusal(403, "InvalidAuthScope", "Invalid authentication scope")
        try:
            who = await self._login.plain(wanted.username, wanted.password, call.peer, service)
        except TooManyAttempts:
            raise replies.Refusal(
                403, "RateLimitedError", "Authentication was rate limited"
            ) from None
        except AuthenticationFailed:
            raise replies.Refusal(
                403, "AuthFailed", "Authentication failed", **await self._known(wanted.username)
            ) from None
        account = await self._accounts.get(who.account)
        return replies.success(
            id=account.id,
            username=account.username,
            address=account.address,
            scope=wanted.scope,
            require2fa=False,
            requirePasswordChange=False,
        )

    async def _known(self, username: str) -> dict[str, object]:
        """The id of who could not log in: the caller administers all users anyway."""
        try:
            return {"id": (await self._accounts.by_name(username)).id}
        except NotFound:
            return {}
