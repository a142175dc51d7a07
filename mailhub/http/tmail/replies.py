"""tmail's answers: its error object, and the one table from error kind to status."""

from __future__ import annotations

from dataclasses import replace

from mailhub.http.call import Answer, json_answer
from mailhub.http.routing import MethodNotAllowed
from mailhub.model import errors
from mailhub.model.errors import MailhubError

TYPE = "application/json; charset=UTF-8"
CHALLENGE = 'Basic realm="tmail REST server", charset="UTF-8"'
TAKEN = "UNIQUE constraint failed: users.login"
"""What tmail says of a login that is taken: the document shows it, and clients look for it."""

TABLE: dict[type[MailhubError], int] = {
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.AlreadyExists: 422,
    errors.NotPermitted: 403,
    errors.AuthenticationFailed: 401,
    errors.TooManyAttempts: 429,
    errors.OverQuota: 422,
    errors.StorageFull: 507,
    errors.TooLarge: 413,
    errors.LimitReached: 422,
    errors.Unavailable: 503,
    errors.InUse: 422,
    errors.Conflict: 422,
    errors.Unsupported: 422,
    errors.HookRefused: 403,
    errors.PolicyRefused: 403,
    MethodNotAllowed: 405,
    MailhubError: 500,
}


class Refusal(MailhubError):
    """An error in tmail's own words. `raw`: what brought it about."""

    def __init__(self, status: int, text: str, raw: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.raw = raw


def malformed(raw: str) -> Refusal:
    """400: the request cannot be read."""
    return Refusal(400, "bad request", raw)


def missing(what: str, written: str) -> Refusal:
    """404: there is none of this name or number."""
    return Refusal(404, f"no such {what} {written}")


def declined(text: str, error: MailhubError) -> Refusal:
    """422 with what was to be done, and why it was not."""
    return Refusal(422, text, error.text)


def refused(text: str, error: MailhubError) -> Refusal:
    """As `declined`, of a user: a login that is taken has tmail's words."""
    taken = isinstance(error, errors.AlreadyExists) and error.field in ("username", "address")
    return Refusal(422, text, TAKEN) if taken else declined(text, error)


def empty(status: int = 200, **headers: str) -> Answer:
    """Success without a body."""
    return Answer(status, b"", TYPE, tuple(headers.items()))


def raw_json(body: bytes, *headers: tuple[str, str], status: int = 200) -> Answer:
    """Success with JSON that is encoded already."""
    return Answer(status, body, TYPE, headers)


def failure(error: MailhubError | None) -> Answer:
    """`{"msg", "raw"}` for an error; None is a defect of this server."""
    if error is None:
        return _answer(500, "internal error")
    if isinstance(error, Refusal):
        return _answer(error.status, error.text, error.raw)
    status = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    answer = _answer(status, error.text)
    return replace(answer, headers=tuple(_headers(error)))


def _headers(error: MailhubError) -> list[tuple[str, str]]:
    match error:
        case errors.AuthenticationFailed():
            return [("WWW-Authenticate", CHALLENGE)]
        case errors.TooManyAttempts():
            return [("Retry-After", str(max(1, round(error.retry_after))))]
        case errors.Unavailable():
            return [("Retry-After", "10")]
        case MethodNotAllowed():
            return [("Allow", ", ".join(sorted(error.allowed)))]
        case _:
            return []


def _answer(status: int, text: str, raw: str = "") -> Answer:
    return replace(json_answer({"msg": text, "raw": raw}, status), type=TYPE)
