"""WildDuck's POST /authenticate and the log of logins: decode, one core call, encode.

Guess limits count against the machine that calls, never against the `ip` it names: that is a label
anyone with the token can choose.
"""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.authlog import AuthLog
from mailhub.core.credential import Visit
from mailhub.core.login import Login
from mailhub.core.rights import Resource, check, creates, reads
from mailhub.core.tokens import Tokens
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import identity_shapes, paging, replies, shapes
from mailhub.http.wildduck.paging import Span
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Scope, Service
from mailhub.model.errors import AuthenticationFailed, NotFound, WrongScope

SCOPES = {scope.value: scope for scope in (Scope.MASTER, Scope.IMAP, Scope.POP3, Scope.SMTP)}


class Authentication:
    """The calls."""

    def __init__(
        self,
        accounts: Accounts,
        subjects: Subjects,
        login: Login,
        authlog: AuthLog,
        tokens: Tokens,
    ) -> None:
        self._accounts = accounts
        self._subjects = subjects
        self._login = login
        self._authlog = authlog
        self._tokens = tokens

    @route(
        "POST",
        "/authenticate",
        about=About(
            takes=identity_shapes.Login,
            answers={200: identity_shapes.Tokened | identity_shapes.LoggedIn},
        ),
        right=creates(Resource.AUTHENTICATION),
    )
    async def authenticate(self, call: Call) -> Answer:
        """The user of these credentials, and a token to act as that user where one is asked for
        and the scope is master. Every refusal is a 403."""
        wanted = shapes.read(identity_shapes.Login, call)
        if wanted.token and call.caller is not None:
            check(call.caller, creates(Resource.TOKENS), None)
        scope = SCOPES.get(wanted.scope)
        if scope is None:
            raise _refusal("InvalidAuthScope", "Invalid authentication scope")
        visit = Visit(
            call.peer,
            Service.HTTP,
            scope,
            label=wanted.protocol,
            ip=wanted.ip,
            session=wanted.sess,
        )
        try:
            account = await self._login.whose(wanted.username, wanted.password, visit)
        except WrongScope as error:
            known = await self._known(wanted.username)
            raise _refusal("InvalidAuthScope", error.text, **known) from None
        except AuthenticationFailed:
            known = await self._known(wanted.username)
            raise _refusal("AuthFailed", "Authentication failed", **known) from None
        master = scope is Scope.MASTER
        shown = {
            "id": account.id,
            "username": account.username,
            "address": account.address,
            "scope": wanted.scope,
            "require2fa": identity_shapes.factors(account.factors) if master else False,
            "require_password_change": account.must_change,
        }
        if not (wanted.token and master):
            return replies.shown(identity_shapes.LoggedIn.model_validate(shown))
        token, _ = await self._tokens.issue(account)
        return replies.shown(identity_shapes.Tokened.model_validate({**shown, "token": token}))

    @route(
        "POST",
        "/preauth",
        about=About(takes=identity_shapes.Name, answers={200: identity_shapes.Known}),
        right=creates(Resource.AUTHENTICATION),
    )
    async def preauth(self, call: Call) -> Answer:
        """Who would log in by a name, before a password is asked for."""
        wanted = shapes.read(identity_shapes.Name, call)
        scope = SCOPES.get(wanted.scope)
        if scope is None:
            raise _refusal("InvalidAuthScope", "Invalid authentication scope")
        _, account = await self._login.find(wanted.username)
        if account is None or account.disabled or account.suspended:
            raise _refusal("AuthFailed", "Authentication failed")
        if scope in account.disabled_scopes:
            raise _refusal("InvalidAuthScope", "This service is switched off for the user")
        master = scope is Scope.MASTER
        return replies.shown(
            identity_shapes.Known(
                id=account.id,
                username=account.username,
                address=account.address,
                scope=wanted.scope,
                require2fa=identity_shapes.factors(account.factors) if master else False,
            )
        )

    @route(
        "GET",
        "/users/<user>/authlog",
        about=About(takes=identity_shapes.Log, answers={200: identity_shapes.Entries}),
        right=reads(Resource.AUTHLOG),
    )
    async def log(self, call: Call) -> Answer:
        """What happened to a user's logins, newest first."""
        wanted = shapes.read(identity_shapes.Log, call)
        account = await self._subjects.of(wanted.user)
        where = paging.span(wanted)
        rows, total = await self._authlog.page(
            account.number,
            # Newest first: what follows is older.
            before=where.after,
            after=where.before,
            limit=wanted.limit + 1,
            action=wanted.action,
            session=wanted.sess,
            ip=wanted.filterip or wanted.ip,
        )
        rows, frame = paging.listed(wanted, Span(where.after, where.before), rows, total)
        results = [identity_shapes.entry(row) for row in rows]
        action = wanted.action or None
        shown = identity_shapes.Entries.model_validate(
            {**frame, "action": action, "results": results}
        )
        return replies.shown(shown)

    @route(
        "GET",
        "/users/<user>/authlog/<event>",
        about=About(takes=identity_shapes.LogCall, answers={200: identity_shapes.EntryOne}),
        right=reads(Resource.AUTHLOG),
    )
    async def event(self, call: Call) -> Answer:
        """One entry."""
        wanted = shapes.read(identity_shapes.LogCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            row = await self._authlog.get(account.number, wanted.event)
        except NotFound:
            raise replies.Refusal(404, "EventNotFound", "Event was not found") from None
        return replies.shown(identity_shapes.EntryOne.model_validate(identity_shapes.entry(row)))

    async def _known(self, username: str) -> dict[str, object]:
        """The id of who could not log in: the caller administers all users anyway."""
        try:
            return {"id": (await self._accounts.by_name(username)).id}
        except NotFound:
            return {}


def _refusal(code: str, text: str, **more: object) -> replies.Refusal:
    return replies.Refusal(403, code, text, **more)
