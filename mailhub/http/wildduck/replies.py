"""WildDuck's answers: the one table from error kind to status and code (G26 statuses)."""

from __future__ import annotations

from dataclasses import replace

from mailhub.http.call import Answer, json_answer
from mailhub.http.routing import MethodNotAllowed
from mailhub.http.wildduck.shapes import FieldErrors, Result
from mailhub.model import errors
from mailhub.model.errors import MailhubError

INPUT = "InputValidationError"


class Refusal(MailhubError):
    """An error that WildDuck names itself. `more`: further fields of the body."""

    def __init__(self, status: int, code: str, text: str, **more: object) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.more = more


TABLE: dict[type[MailhubError], tuple[int, str]] = {
    errors.Invalid: (400, INPUT),
    errors.NotFound: (404, "NotFound"),
    errors.AlreadyExists: (400, "AlreadyExists"),
    errors.NotPermitted: (403, "MissingPrivileges"),
    errors.AuthenticationFailed: (403, "InvalidToken"),
    errors.TooManyAttempts: (403, "RateLimitedError"),
    errors.OverQuota: (400, "OverQuotaError"),
    errors.StorageFull: (500, "InternalDatabaseError"),
    errors.TooLarge: (413, "TooLarge"),
    errors.LimitReached: (403, "TooMany"),
    errors.AllowanceUsed: (403, "RateLimitedError"),
    errors.Unavailable: (503, "ServiceUnavailable"),
    errors.StillElsewhere: (503, "MailboxElsewhere"),
    errors.InUse: (400, "InUse"),
    errors.Conflict: (400, "Conflict"),
    errors.Unsupported: (415, "UnsupportedMediaType"),
    errors.HookRefused: (403, "MessageRejected"),
    errors.PolicyRefused: (403, "MessageRejected"),
    errors.Corrupt: (500, "InternalDatabaseError"),
    MailhubError: (500, "InternalError"),
    MethodNotAllowed: (405, "MethodNotAllowed"),
}
RETRY_AFTER = "10"
"""Seconds after which what is away may be back."""
TAKEN = {
    "username": "UserExistsError",
    "address": "AddressExistsError",
    "mailbox": "MailboxExistsError",
}
"""What an AlreadyExists is called, by its field."""


def user_not_found() -> Refusal:
    """404 UserNotFound."""
    return Refusal(404, "UserNotFound", "This user does not exist")


def no_such_mailbox() -> Refusal:
    """404 NoSuchMailbox."""
    return Refusal(404, "NoSuchMailbox", "This mailbox does not exist")


def filter_not_found() -> Refusal:
    """404 FilterNotFound."""
    return Refusal(404, "FilterNotFound", "This filter does not exist")


def message_not_found() -> Refusal:
    """404 MessageNotFound."""
    return Refusal(404, "MessageNotFound", "This message does not exist")


def file_not_found() -> Refusal:
    """404 FileNotFound."""
    return Refusal(404, "FileNotFound", "This file does not exist")


def address_not_found() -> Refusal:
    """404 AddressNotFound."""
    return Refusal(404, "AddressNotFound", "Invalid or unknown email address identifier")


def success(**fields: object) -> Answer:
    """`{"success": true, …}`."""
    return json_answer({"success": True, **fields})


def shown(result: Result) -> Answer:
    """`result` as JSON; `{"success": true}` where there is no more to say."""
    return Answer(200, result.model_dump_json(by_alias=True).encode())


def failure(error: MailhubError | None) -> Answer:
    """The answer for an error; None is a defect of this server."""
    if error is None:
        return _answer(500, "InternalError", "Internal failure")
    if isinstance(error, Refusal):
        return _answer(error.status, error.code, error.text, **error.more)
    if isinstance(error, errors.AlreadyExists) and error.field in TAKEN:
        return _answer(400, TAKEN[error.field], error.text)
    if isinstance(error, FieldErrors):
        return _answer(400, INPUT, error.text, details=error.details)
    if isinstance(error, errors.Invalid) and error.field:
        details = {error.field: f'"{error.field}": {error.text}'}
        return _answer(400, INPUT, error.text, details=details)
    status, code = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return replace(_answer(status, code, error.text), headers=_headers(error))


def _headers(error: MailhubError) -> tuple[tuple[str, str], ...]:
    match error:
        case MethodNotAllowed():
            return (("Allow", ", ".join(sorted(error.allowed))),)
        case errors.Unavailable():
            return (("Retry-After", RETRY_AFTER),)
        case errors.TooManyAttempts():
            return (("Retry-After", str(max(1, round(error.retry_after)))),)
        case _:
            return ()


def _answer(status: int, code: str, text: str, **more: object) -> Answer:
    return json_answer({"error": text, "code": code, **more}, status)
