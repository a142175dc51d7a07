"""Signing in and out: the password, then the second factor where there is one."""

from __future__ import annotations

from urllib.parse import quote

from mailhub.core.credential import Visit
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.rights import Standing
from mailhub.http.call import Answer, Call
from mailhub.http.panel import pages
from mailhub.http.panel.door import Door, Visitor, cookie, forgotten, is_private, language, sent
from mailhub.http.routing import route
from mailhub.model.account import Factor, Scope, Service
from mailhub.model.errors import AuthenticationFailed, MailhubError, NotFound, TooManyAttempts

HOME = f"{pages.PREFIX}/"


class SignIn:
    """The pages that who is not signed in may see."""

    def __init__(self, door: Door, login: Login, identity: Identity) -> None:
        self._door = door
        self._login = login
        self._codes = identity.codes

    @route("GET", "/sign-in")
    async def ask(self, call: Call) -> Answer:
        """Asks for name and password."""
        return _asked(call, onward=call.fields().get("next", ""))

    @route("POST", "/sign-in")
    async def sign_in(self, call: Call) -> Answer:
        """Takes them."""
        try:
            given = sent(call)
        except MailhubError as error:
            return _asked(call, error)
        name, password = given.get("name", "").strip(), given.get("password", "")
        onward = pages.local(given.get("next", ""))
        if not is_private(call):
            return _asked(call, status=403)
        visit = Visit(call.peer, Service.HTTP, Scope.MASTER, label="Panel")
        try:
            account = await self._login.whose(name, password, visit)
        except MailhubError as error:
            return _asked(call, error, name, onward=onward)
        header, caller = await self._door.open(account, call)
        if caller.standing is Standing.FACTOR:
            query = f"?next={quote(onward, safe='')}" if onward else ""
            return pages.seen(f"/sign-in/code{query}", header)
        return pages.seen_at(onward or HOME, header)

    @route("GET", "/sign-in/code")
    async def ask_code(self, call: Call) -> Answer:
        """Asks for the second factor."""
        visitor = await self._waiting(call)
        onward = call.fields().get("next", "")
        return _code(visitor, onward) if visitor else pages.seen("/sign-in")

    @route("POST", "/sign-in/code")
    async def take_code(self, call: Call) -> Answer:
        """Takes it."""
        visitor = await self._waiting(call)
        if visitor is None:
            return pages.seen("/sign-in")
        onward = pages.local(visitor.fields.get("next", ""))
        code = "".join(visitor.fields.get("code", "").split())
        try:
            await self._codes.check(visitor.account, code, call.peer, visitor.caller.actor)
        except MailhubError as error:
            return _code(visitor, onward, error)
        await self._door.proven(visitor.caller)
        return pages.seen_at(onward or HOME)

    @route("POST", "/sign-out")
    async def sign_out(self, call: Call) -> Answer:
        """Ends the session."""
        try:
            visitor = await self._door.visitor(call)
        except (AuthenticationFailed, NotFound):
            return pages.seen("/sign-in", *forgotten(call))
        await self._door.close(visitor.caller)
        return pages.seen("/sign-in", cookie(call, ""))

    async def _waiting(self, call: Call) -> Visitor | None:
        """Who showed a password, and has yet to show a code."""
        try:
            visitor = await self._door.visitor(call)
        except (AuthenticationFailed, NotFound):
            return None
        waits = visitor.caller.standing is Standing.FACTOR
        return visitor if waits and Factor.TOTP in visitor.account.factors else None


def _asked(
    call: Call,
    error: MailhubError | None = None,
    name: str = "",
    status: int = 200,
    onward: str = "",
) -> Answer:
    if error is not None:
        status = 429 if isinstance(error, TooManyAttempts) else 403
    wrong = isinstance(error, AuthenticationFailed)
    return pages.page(
        "sign-in.html",
        language(call),
        status,
        name=name,
        next=pages.local(onward),
        private=is_private(call),
        wrong=wrong,
        problem="" if error is None or wrong else error.text,
    )


def _code(visitor: Visitor, onward: str, error: MailhubError | None = None) -> Answer:
    status = 200 if error is None else 429 if isinstance(error, TooManyAttempts) else 403
    wrong = isinstance(error, AuthenticationFailed)
    return pages.page(
        "sign-in-code.html",
        visitor.language,
        status,
        csrf=visitor.csrf,
        next=pages.local(onward),
        wrong=wrong,
        problem="" if error is None or wrong else error.text,
    )
