"""POP3's answers as values, and the one table from error kinds to response codes.

Response codes: RFC 2449 section 8, RFC 3206 section 4, RFC 6856 section 5. The text of an
exception that is not a kind of `model.errors` never reaches a peer.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model import errors
from mailhub.model.errors import MailhubError


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line. `code`: a response code without its brackets, or empty."""

    ok: bool
    text: str
    code: str = ""

    def encode(self) -> bytes:
        """The line with its CRLF; a line end in `text` could start a second one, so none stays."""
        code = f" [{self.code}]" if self.code else ""
        text = " ".join(self.text.split())
        return f"{'+OK' if self.ok else '-ERR'}{code} {text}\r\n".encode()


CODES: dict[type[MailhubError], str] = {
    errors.AuthenticationFailed: "AUTH",
    errors.AccountDisabled: "AUTH",
    errors.TooManyAttempts: "SYS/TEMP",
    errors.InUse: "IN-USE",
    errors.Unavailable: "SYS/TEMP",
    errors.StorageFull: "SYS/TEMP",
    errors.OverQuota: "SYS/PERM",
    errors.LimitReached: "SYS/TEMP",
    errors.Conflict: "SYS/TEMP",
    errors.Corrupt: "SYS/PERM",
    errors.NotPermitted: "AUTH",
    errors.NotFound: "",
    errors.Invalid: "",
    errors.Unsupported: "",
    errors.AlreadyExists: "",
    errors.TooLarge: "",
    errors.PolicyRefused: "SYS/PERM",
}


def ok(text: str) -> Reply:
    """`+OK text`."""
    return Reply(True, text)


def refused(text: str, code: str = "") -> Reply:
    """`-ERR [code] text`."""
    return Reply(False, text, code)


def failure(error: MailhubError) -> Reply:
    """The answer for an error kind; a kind made from another one answers as that."""
    kinds = (CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    return Reply(False, error.text, next(kinds, "SYS/TEMP"))


FAILED = refused("Internal failure, try again later", "SYS/TEMP")
"""For what is no error kind: a defect of this server."""
GOING_DOWN = refused("The server is shutting down", "SYS/TEMP")
MOVED = refused("The mailbox moves, please log in again", "SYS/TEMP")
TOO_MANY_ERRORS = refused("Too many errors, closing")
