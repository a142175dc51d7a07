"""What stands before every page for people: who may see it, where others are led, how an error
looks. The panel's pages and the webmail's are kept alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from mailhub.core.rights import Right, Standing
from mailhub.http.call import Answer, Call
from mailhub.http.panel import pages
from mailhub.http.panel.door import Door, forgotten, language
from mailhub.http.routing import MethodNotAllowed, Route, Run, as_named, routes_of
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


def routes_behind(door: Door, parts: Iterable[object], home: str) -> Iterator[Route]:
    """The pages of `parts`, for those alone who may see them. `home`: where an error leads back."""
    kept = partial(_behind, door, home)
    for part in parts:
        yield from routes_of(part, kept)


def _behind(door: Door, home: str, run: Any, right: Right | None) -> Run:
    """The page, for those with its right alone; others are asked to sign in."""
    assert right is not None, run

    @as_named(run)
    async def kept(call: Call) -> Answer:
        try:
            visitor = await door.visitor(call)
        except (AuthenticationFailed, NotFound):
            return pages.seen("/sign-in" + onward(call), *forgotten(call))
        except MailhubError as error:
            return failed(error, language(call), home)
        try:
            visitor.require(right)
            answer: Answer = await run(visitor)
        except NotPermitted as error:
            waits = visitor.caller.standing
            if waits in NEXT:
                return pages.seen(NEXT[waits] + onward(call))
            return failed(error, visitor.language, home)
        except MailhubError as error:
            return failed(error, visitor.language, home)
        return _with(visitor.cookies, answer)

    return kept


def _with(cookies: tuple[tuple[str, str], ...], answer: Answer) -> Answer:
    """The answer tells the browser how long it is signed in, unless it does so itself."""
    if not cookies or any(name == "Set-Cookie" for name, _ in answer.headers):
        return answer
    return replace(answer, headers=(*answer.headers, *cookies))


def onward(call: Call) -> str:
    """The query by which signing in leads back to the page that was asked for."""
    if call.method != "GET" or call.path.rstrip("/") == pages.PREFIX:
        return ""
    wanted = f"{call.path}?{call.query}" if call.query else call.path
    return f"?next={quote(wanted, safe='')}" if pages.local(wanted) else ""


def status_of(error: MailhubError) -> int:
    """What an answer that shows the error has as its status."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def failed(error: MailhubError | None, spoken: str, home: str = f"{pages.PREFIX}/") -> Answer:
    """A page that says what is wrong; None is a defect of this server."""
    if error is None:
        return pages.page("failed.html", spoken, 500, text="", home=home)
    answer = pages.page("failed.html", spoken, status_of(error), text=error.text, home=home)
    if isinstance(error, MethodNotAllowed):
        allowed = ("Allow", ", ".join(sorted(error.allowed)))
        return replace(answer, headers=(*answer.headers, allowed))
    return answer
