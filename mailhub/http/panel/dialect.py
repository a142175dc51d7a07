"""The panel as a whole: its pages, who may see them, and how it shows an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any, Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.backup import Backups
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.queue import Queue
from mailhub.core.rights import Standing
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer, Call
from mailhub.http.panel import pages
from mailhub.http.panel.aliases import AliasPages
from mailhub.http.panel.backing import Backing
from mailhub.http.panel.checks import Checks
from mailhub.http.panel.door import Door, forgotten, language
from mailhub.http.panel.factors import Factors
from mailhub.http.panel.names import Names
from mailhub.http.panel.own import Own
from mailhub.http.panel.passwords import Passwords
from mailhub.http.panel.queueing import Queueing
from mailhub.http.panel.signing import SignIn
from mailhub.http.panel.users import Users
from mailhub.http.routing import MethodNotAllowed, Route, route, routes_of
from mailhub.model import errors
from mailhub.model.errors import AuthenticationFailed, MailhubError, NotFound, NotPermitted

STATUSES: dict[type[MailhubError], int] = {
    MethodNotAllowed: 405,
    errors.NotFound: 404,
    errors.Invalid: 400,
    errors.AlreadyExists: 409,
    errors.InUse: 409,
    errors.Conflict: 409,
    errors.NotPermitted: 403,
    errors.AuthenticationFailed: 403,
    errors.TooManyAttempts: 429,
    errors.LimitReached: 409,
    errors.TooLarge: 413,
    errors.Unavailable: 503,
    errors.StorageFull: 503,
}


NEXT = {Standing.FACTOR: "/sign-in/code", Standing.PASSWORD: "/password"}
"""Where somebody has to go who is not signed in wholly."""


class Parts(Protocol):
    """What the panel stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def backups(self) -> Backups: ...
    @property
    def login(self) -> Login: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def hostname(self) -> str: ...
    @property
    def quota(self) -> int: ...
    @property
    def panel_secret(self) -> bytes: ...


class Panel:
    """`routing.Dialect`."""

    name = "panel"
    prefix = pages.PREFIX

    def __init__(self, parts: Parts) -> None:
        accounts, identity = parts.accounts, parts.identity
        self._door = Door(parts.tokens, accounts, parts.panel_secret)
        self._open = (SignIn(self._door, parts.login, identity), Files())
        self._kept = (
            Own(parts.addresses, parts.hostname, parts.quota),
            Passwords(self._door, accounts, parts.login, identity),
            Factors(self._door, identity),
            Users(accounts, parts.addresses, parts.administration, parts.quota),
            Checks(parts.administration),
            AliasPages(parts.administration.aliases),
            Names(parts.administration.zones),
            Queueing(parts.queue),
            Backing(parts.backups),
        )

    def routes(self) -> Iterable[Route]:
        """Every page."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for part in self._open:
            yield from routes_of(part)
        for kept in self._kept:
            for one in routes_of(kept):
                yield replace(one, run=self._behind_the_door(one))

    def _behind_the_door(self, one: Route) -> Callable[[Call], Awaitable[Answer]]:
        """The page, for those with its right alone; others are asked to sign in."""
        run: Any = one.run
        right = one.right
        assert right is not None, one.path

        @wraps(run)
        async def kept(call: Call) -> Answer:
            try:
                visitor = await self._door.visitor(call)
            except (AuthenticationFailed, NotFound):
                return pages.seen("/sign-in", *forgotten(call))
            except MailhubError as error:
                return failed(error, language(call))
            try:
                visitor.require(right)
                answer: Answer = await run(visitor)
            except NotPermitted as error:
                waits = visitor.caller.standing
                return pages.seen(NEXT[waits]) if waits in NEXT else failed(error, visitor.language)
            except MailhubError as error:
                return failed(error, visitor.language)
            return answer

        return kept

    def failure(self, error: MailhubError | None) -> Answer:
        """An error where nobody's language is known."""
        return failed(error, "en")


def failed(error: MailhubError | None, spoken: str) -> Answer:
    """A page that says what is wrong; None is a defect of this server."""
    if error is None:
        return pages.page("failed.html", spoken, 500, text="")
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    answer = pages.page("failed.html", spoken, status, text=error.text)
    if isinstance(error, MethodNotAllowed):
        allowed = ("Allow", ", ".join(sorted(error.allowed)))
        return replace(answer, headers=(*answer.headers, allowed))
    return answer


class Files:
    """Styles and scripts."""

    @route("GET", "/static/<name>")
    async def file(self, call: Call) -> Answer:
        """One of them."""
        answer = pages.static_answer(call.arguments["name"])
        return answer or failed(NotFound("There is no such file"), language(call))
