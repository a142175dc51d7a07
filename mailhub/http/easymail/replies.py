"""EasyMail's answers: `result`, and what went wrong under each of the names that it had for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailhub.http.call import Answer, Call, json_answer
from mailhub.http.routing import MethodNotAllowed
from mailhub.model import errors
from mailhub.model.errors import MailhubError

TABLE: dict[type[MailhubError], int] = {
    errors.Invalid: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.NotPermitted: 403,
    errors.AuthenticationFailed: 401,
    errors.TooManyAttempts: 429,
    errors.OverQuota: 400,
    errors.StorageFull: 507,
    errors.TooLarge: 413,
    errors.LimitReached: 400,
    errors.Unavailable: 503,
    errors.InUse: 409,
    errors.Conflict: 409,
    errors.Unsupported: 400,
    errors.HookRefused: 403,
    errors.PolicyRefused: 403,
    MethodNotAllowed: 405,
    MailhubError: 500,
}


NO_TOKEN = "Token is not correct"  # noqa: S105  (no token)
TEXT = "text/plain; charset=utf-8"
LEGACY = frozenset({400, 403, 404, 409})
"""Statuses that EasyMail never used."""


class Refusal(MailhubError):
    """A refusal in EasyMail's own words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def done(**more: object) -> Answer:
    """Success."""
    return json_answer({"result": True, **more})


def shown(value: Mapping[str, object]) -> Answer:
    """Success that has no `result`."""
    return json_answer(value)


def failure(error: MailhubError | None) -> Answer:
    """What went wrong; None is a defect of this server."""
    if error is None:
        return _answer(500, "Internal failure")
    if isinstance(error, Refusal):
        return _answer(error.status, error.text)
    status = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return replace(_answer(status, error.text), headers=tuple(_headers(error)))


def legacy(answer: Answer) -> Answer:
    """A refusal as EasyMail's own programs know it: with 200. What this server cannot do now, and
    who asks too often, is told as it is."""
    if answer.status == 401:
        return Answer(200, NO_TOKEN.encode(), TEXT)
    return replace(answer, status=200) if answer.status in LEGACY else answer


def unknown(call: Call, allowed: Sequence[str]) -> Answer:
    """What is no call: EasyMail's router had words of its own."""
    if allowed and call.method == "OPTIONS":
        methods = ", ".join(sorted({*allowed, "OPTIONS"}))
        fields = (
            ("Allow", methods),
            ("Access-Control-Allow-Methods", methods),
            ("Access-Control-Allow-Headers", "Auth-token, Cache-Control, Content-Type"),
            ("Access-Control-Max-Age", "86400"),
        )
        return opened(Answer(200, headers=fields))
    status, words = (405, "Method not allowed") if allowed else (404, "Page not found")
    told = {
        "code": status,
        "host": call.header("host"),
        "method": call.method,
        "url": call.path,
        "message": words,
        **_words(words),
    }
    allow = [("Allow", ", ".join(allowed))] if allowed else []
    return opened(replace(json_answer(told, status), headers=tuple(allow)))


def opened(answer: Answer) -> Answer:
    """Pages from anywhere may read it: nothing here is told to who has no token, and no browser
    sends one by itself."""
    return replace(answer, headers=(*answer.headers, ("Access-Control-Allow-Origin", "*")))


def _headers(error: MailhubError) -> list[tuple[str, str]]:
    match error:
        case errors.TooManyAttempts():
            return [("Retry-After", str(max(1, round(error.retry_after))))]
        case errors.Unavailable():
            return [("Retry-After", "10")]
        case MethodNotAllowed():
            return [("Allow", ", ".join(sorted(error.allowed)))]
        case _:
            return []


def _answer(status: int, text: str) -> Answer:
    return json_answer(_words(text), status)


def _words(text: str) -> dict[str, object]:
    return {"result": False, "msg": text, "error_msg": text, "error": text}
