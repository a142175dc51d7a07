"""Mail-in-a-Box's answers: plain words, JSON as its programs write it, and the one table of errors.

Refused credentials have an answer of their own, which depends on who asks: see `unauthorized`.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Sequence

from mailhub.core.turns import Turns
from mailhub.http.call import JSON, Answer, Call
from mailhub.http.routing import MethodNotAllowed
from mailhub.model import errors
from mailhub.model.errors import MailhubError
from mailhub.ports import Clock

TEXT = "text/html; charset=utf-8"
"""What Mail-in-a-Box calls the plain words that it answers with."""
PLAIN = "text/plain; charset=utf-8"
FEW = 200
"""Rows of a list that are written at once: some two milliseconds."""
PIECE = 16 << 10
"""Characters of a longer one."""
_ENCODER = json.JSONEncoder(indent=2, sort_keys=True, ensure_ascii=True)
REALM = 'Basic realm="Mail-in-a-Box Management Server"'
TABLE: dict[type[MailhubError], int] = {
    errors.Invalid: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 400,
    errors.NotPermitted: 403,
    errors.AuthenticationFailed: 401,
    errors.TooManyAttempts: 429,
    errors.OverQuota: 400,
    errors.StorageFull: 507,
    errors.TooLarge: 413,
    errors.LimitReached: 400,
    errors.Unavailable: 503,
    errors.InUse: 400,
    errors.Conflict: 400,
    errors.Unsupported: 400,
    errors.HookRefused: 403,
    errors.PolicyRefused: 403,
    MethodNotAllowed: 405,
    MailhubError: 500,
}


class Refusal(MailhubError):
    """400 with exactly these words."""


class Denied(errors.AuthenticationFailed):
    """Nobody is let in, for this reason: one that programs look for."""


def text(words: str, status: int = 200, kind: str = TEXT) -> Answer:
    """Plain words."""
    return Answer(status, words.encode(), kind)


def lines(*said: str) -> Answer:
    """One line each; what is empty is left out."""
    return text("".join(f"{line}\n" for line in said if line))


def shown(value: object, status: int = 200) -> Answer:
    """JSON as Mail-in-a-Box writes it: sorted, in lines, and in ASCII."""
    return Answer(status, f"{_ENCODER.encode(value)}\n".encode(), JSON)


def listed(value: Sequence[object], count: int, clock: Clock) -> Answer:
    """As `shown`, in pieces where there are so many things in it that writing them at once would
    hold up others."""
    if count <= FEW:
        return shown(value)
    return Answer(200, type=JSON, stream=_pieces(value, clock))


async def _pieces(value: Sequence[object], clock: Clock) -> AsyncIterator[bytes]:
    turns = Turns(clock)
    written = io.StringIO()
    for token in _ENCODER.iterencode(value):
        written.write(token)
        if written.tell() >= PIECE:
            yield written.getvalue().encode()
            written = io.StringIO()
            await turns.rest()
    yield f"{written.getvalue()}\n".encode()


def unauthorized(call: Call, error: errors.AuthenticationFailed) -> Answer:
    """401 with the reason in a header; 403 without for scripts in a page, so that the browser
    asks nobody for a password. The reason is words for who wants anything, else JSON."""
    reason = error.text
    scripted = call.header("x-requested-with") == "XMLHttpRequest"
    if call.header("accept") in ("", "*/*"):
        status, body, kind = 401, f"{reason}\n".encode(), PLAIN
    else:
        status, kind = 401, JSON
        body = shown({"status": "error", "reason": reason}).body
    if scripted:
        return Answer(403, body, kind)
    return Answer(status, body, kind, (("WWW-Authenticate", REALM), ("X-Reason", reason)))


def failure(error: MailhubError | None) -> Answer:
    """The words of an error; None is a defect of this server."""
    if error is None:
        return text("Internal failure", 500)
    if isinstance(error, Refusal):
        return text(error.text, 400)
    status = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return Answer(status, error.text.encode(), TEXT, tuple(_headers(error)))


def _headers(error: MailhubError) -> list[tuple[str, str]]:
    match error:
        case errors.AuthenticationFailed():
            return [("WWW-Authenticate", REALM), ("X-Reason", error.text)]
        case errors.TooManyAttempts():
            return [("Retry-After", str(max(1, round(error.retry_after))))]
        case errors.Unavailable():
            return [("Retry-After", "10")]
        case MethodNotAllowed():
            return [("Allow", ", ".join(sorted(error.allowed)))]
        case _:
            return []
