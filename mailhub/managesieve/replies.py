"""ManageSieve's answers as values, and the one table from error kinds to response codes.

RFC 5804 section 1.3. The text of an exception that is no kind of `model.errors` never reaches a
peer.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.managesieve.grammar import string
from mailhub.model import errors
from mailhub.model.errors import MailhubError


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. `word`: OK, NO or BYE. `code`: a response code without its parentheses."""

    word: bytes
    text: str = ""
    code: bytes = b""

    def encode(self) -> bytes:
        """The line, or lines where the text needs a literal."""
        code = b" (%b)" % self.code if self.code else b""
        text = b" " + string("\r\n".join(self.text.splitlines())) if self.text else b""
        return b"%b%b%b\r\n" % (self.word, code, text)


def ok(text: str = "", code: bytes = b"") -> Reply:
    """It was done."""
    return Reply(b"OK", text, code)


def no(text: str, code: bytes = b"") -> Reply:
    """It was not."""
    return Reply(b"NO", text, code)


def bye(text: str, code: bytes = b"") -> Reply:
    """The connection ends."""
    return Reply(b"BYE", text, code)


CODES: dict[type[MailhubError], bytes] = {
    errors.TooLarge: b"QUOTA/MAXSIZE",
    errors.OverQuota: b"QUOTA",
    errors.NotFound: b"NONEXISTENT",
    errors.AlreadyExists: b"ALREADYEXISTS",
    errors.InUse: b"ACTIVE",
    errors.Unavailable: b"TRYLATER",
    errors.StorageFull: b"TRYLATER",
    errors.TooManyAttempts: b"TRYLATER",
    errors.LimitReached: b"QUOTA/MAXSCRIPTS",
    errors.Conflict: b"TRYLATER",
    errors.Corrupt: b"",
    errors.NotPermitted: b"",
    errors.AuthenticationFailed: b"",
    errors.AccountDisabled: b"",
    errors.Invalid: b"",
    errors.Unsupported: b"",
    errors.PolicyRefused: b"",
}


def failure(error: MailhubError) -> Reply:
    """The answer for an error kind; a kind made from another one answers as that."""
    kinds = (CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    return no(error.text, next(kinds, b"TRYLATER"))


ENCRYPT = no("Use STARTTLS before you log in", b"ENCRYPT-NEEDED")
FAILED = bye("Internal failure, try again later", b"TRYLATER")
"""For what is no error kind: a defect of this server."""
GOING_DOWN = bye("The server is shutting down", b"TRYLATER")
SILENT = bye("The session was silent for too long")
ENDED = bye("The session was ended by the server")
TOO_MANY_ERRORS = bye("Too many errors")
