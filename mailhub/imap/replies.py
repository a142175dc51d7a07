"""Tagged answers as values, and the one table from error kind to response code.

Codes are those of RFC 9051 7.1, RFC 5530 and the extensions' own. Exception text other than a
kind's `text` never reaches a peer. Untagged data is not made here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from mailhub.imap.grammar.search import BadCharset
from mailhub.model import errors


class Status(Enum):
    """The condition of a status response."""

    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"
    BYE = b"BYE"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status response without its tag. `code`: what stands in brackets, without them."""

    status: Status
    text: str
    code: bytes = b""

    def line(self, tag: bytes) -> bytes:
        """The response line; `tag` is `*` for untagged ones."""
        text = self.text.encode("ascii", "replace")
        if self.code:
            return b"%b %b [%b] %b\r\n" % (tag, self.status.value, self.code, text)
        return b"%b %b %b\r\n" % (tag, self.status.value, text)


def ok(text: str, code: bytes = b"") -> Reply:
    """A tagged OK."""
    return Reply(Status.OK, text, code)


def no(text: str, code: bytes = b"") -> Reply:
    """A tagged NO, for refusals that are no error kind (TRYCREATE, say)."""
    return Reply(Status.NO, text, code)


def bad(text: str, code: bytes = b"") -> Reply:
    """A tagged BAD: the client's syntax or order is at fault."""
    return Reply(Status.BAD, text, code)


CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

CODES: tuple[tuple[type[errors.MailhubError], Status, bytes], ...] = (
    (errors.NotFound, Status.NO, b"NONEXISTENT"),
    (errors.AlreadyExists, Status.NO, b"ALREADYEXISTS"),
    (errors.Invalid, Status.NO, b"CANNOT"),
    (errors.NotPermitted, Status.NO, b"NOPERM"),
    (errors.AccountDisabled, Status.NO, b"AUTHORIZATIONFAILED"),
    (errors.AuthenticationFailed, Status.NO, b"AUTHENTICATIONFAILED"),
    (errors.TooManyAttempts, Status.NO, b"LIMIT"),
    (errors.OverQuota, Status.NO, b"OVERQUOTA"),
    (errors.StorageFull, Status.NO, b"UNAVAILABLE"),
    (errors.TooLarge, Status.NO, b"TOOBIG"),
    (errors.LimitReached, Status.NO, b"LIMIT"),
    (errors.Unavailable, Status.NO, b"UNAVAILABLE"),
    (errors.InUse, Status.NO, b"INUSE"),
    (errors.Conflict, Status.NO, b"INUSE"),
    (BadCharset, Status.NO, b"BADCHARSET (US-ASCII UTF-8)"),
    (errors.Unsupported, Status.NO, b"CANNOT"),
    (errors.HookRefused, Status.NO, b"NOPERM"),
    (errors.PolicyRefused, Status.NO, b"NOPERM"),
    (errors.Corrupt, Status.NO, b"SERVERBUG"),
    (errors.MailhubError, Status.NO, b"SERVERBUG"),
)
"""First match wins; a subclass stands before its base."""


def of_error(error: errors.MailhubError) -> Reply:
    """The answer to a command that core refused."""
    for kind, status, code in CODES:
        if isinstance(error, kind):
            return Reply(status, CONTROLS.sub(" ", error.text), code)
    raise AssertionError("the table ends with the root of all kinds")


INTERNAL = Reply(Status.NO, "Internal error, the command was not carried out", b"SERVERBUG")


class Refusal(Exception):
    """Ends a command with exactly `reply`, from wherever it is noticed."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(reply.text)
