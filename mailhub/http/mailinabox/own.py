"""The calls that are about the caller: log in, log out, who one is; and what this API has."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.rights import Resource, reads
from mailhub.core.session_keys import SessionKeys
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.descriptions import PATH, Described
from mailhub.http.mailinabox import guard, replies
from mailhub.http.mailinabox.guard import BoxGuard
from mailhub.http.mailinabox.replies import Denied
from mailhub.http.mailinabox.shapes import Shown
from mailhub.http.mailinabox.user_shapes import privileges
from mailhub.http.routing import route
from mailhub.model.account import Account
from mailhub.model.errors import MailhubError, TooManyAttempts

PANEL = "/panel"


class LoggedIn(Shown):
    """Who logged in, or why not: `status` is ok, invalid or missing-totp-token."""

    status: str
    email: str = ""
    privileges: tuple[str, ...] = ()
    api_key: str = ""
    reason: str = ""


class Status(Shown):
    """That it was done."""

    status: str


class Own:
    """The calls."""

    def __init__(
        self,
        guard: BoxGuard,
        keys: SessionKeys,
        accounts: Accounts,
        described: Described,
    ) -> None:
        self._guard = guard
        self._keys = keys
        self._accounts = accounts
        self._described = described

    @route("GET", "/login", About(answers={200: LoggedIn}, secured=False))
    @route("POST", "/login", About(answers={200: LoggedIn}, secured=False))
    async def login(self, call: Call) -> Answer:
        """Exchanges a password for a session key. It is answered with 200 in any case."""
        guard.check_site(call)
        try:
            account = await self._guard.by_password(call)
        except Denied as error:
            missing = error.text == guard.NO_CODE
            status = error.text if missing else "invalid"
            return replies.shown({"status": status, "reason": error.text})
        except TooManyAttempts as error:
            return replies.shown({"status": "invalid", "reason": error.text})
        key = await self._keys.issue(account)
        return replies.shown({"status": "ok", **_who(account), "api_key": key})

    @route("GET", "/logout", About(answers={200: Status}, secured=False))
    @route("POST", "/logout", About(answers={200: Status}, secured=False))
    async def logout(self, call: Call) -> Answer:
        """Ends the session key that it is called with. It is answered with 200 in any case."""
        guard.check_site(call)
        try:
            await self._keys.end(*guard.credentials(call))
        except MailhubError:
            # As the product: whoever has no session has none afterwards.
            return replies.shown({"status": "ok"})
        return replies.shown({"status": "ok"})

    @route("GET", "/me", About(answers={200: LoggedIn}), right=reads(Resource.USERS))
    async def me(self, call: Call) -> Answer:
        """A session key for who is let in already."""
        assert call.caller is not None
        if call.caller.account is None:
            return replies.shown({"status": "invalid", "reason": guard.WRONG})
        account = await self._accounts.get(call.caller.account)
        key = await self._keys.issue(account)
        return replies.shown({"status": "ok", **_who(account), "api_key": key})

    @route("GET", "/")
    async def panel(self, call: Call) -> Answer:
        """Where the product had its panel; ours asks by itself who comes."""
        return Answer(302, headers=(("Location", PANEL),))

    @route("GET", "/munin")
    @route("GET", "/munin/<path:page>")
    async def graphs(self, call: Call) -> Answer:
        """Where the product had Munin's graphs."""
        return Answer(302, headers=(("Location", f"{PANEL}/graphs"),))

    @route("GET", PATH)
    async def describe(self, call: Call) -> Answer:
        """This API, for programs."""
        return await self._described.answer(call)


def _who(account: Account) -> dict[str, object]:
    return {"email": account.address or account.username, "privileges": privileges(account)}
