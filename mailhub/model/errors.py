"""The error kinds that core raises; each face maps them to its own codes in one table.

A kind says what went wrong, never how a protocol spells it. `text` is written for the
person who reads the answer: it holds no message content, no path and no internal detail.
"""

from __future__ import annotations


class MailhubError(Exception):
    """The root of every kind. `text`: one line, safe to show to any peer."""

    default = "The request could not be carried out"

    def __init__(self, text: str = "") -> None:
        self.text = text or self.default
        super().__init__(self.text)


class NotFound(MailhubError):
    """A named thing (account, mailbox, message, address, domain) does not exist."""

    default = "No such object"


class AlreadyExists(MailhubError):
    """A thing with this name is there already. `field`: what was taken, such as `username`."""

    default = "It exists already"

    def __init__(self, text: str = "", field: str = "") -> None:
        super().__init__(text)
        self.field = field


class Invalid(MailhubError):
    """The input is malformed. `field` names the part at fault, where there is one."""

    default = "The input is not valid"

    def __init__(self, text: str = "", field: str = "") -> None:
        super().__init__(text)
        self.field = field


class NotPermitted(MailhubError):
    """The principal is known, and this is not theirs to do."""

    default = "Not permitted"


class AuthenticationFailed(MailhubError):
    """The credentials are wrong; says nothing about which part of them."""

    default = "Authentication failed"


class AccountDisabled(AuthenticationFailed):
    """The credentials may be right, but the account is disabled or suspended."""

    default = "This account is disabled"


class WrongScope(AuthenticationFailed):
    """The credentials are right, but not for this: an app password for something else, or the
    account's own password where that alone opens nothing."""

    default = "An application-specific password is required"


class TooManyAttempts(MailhubError):
    """A guess or rate limit was reached. `retry_after`: seconds."""

    default = "Too many attempts, try again later"

    def __init__(self, text: str = "", retry_after: float = 60.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class OverQuota(MailhubError):
    """The account's own allowance of bytes or messages is used up."""

    default = "The mailbox is full"


class StorageFull(MailhubError):
    """The server's disk is full: temporary, and not the account's doing."""

    default = "Insufficient system storage"


class TooLarge(MailhubError):
    """A message or a value exceeds a fixed size. `limit`: bytes, 0 when not one number."""

    default = "The message is too large"

    def __init__(self, text: str = "", limit: int = 0) -> None:
        super().__init__(text)
        self.limit = limit


class LimitReached(MailhubError):
    """A fixed count (recipients, keywords, mailboxes, search terms) was reached."""

    default = "A limit was reached"


class AllowanceUsed(LimitReached):
    """An account sent all that it may send for now (SMTP 452 4.7.1)."""

    default = "The daily limit is reached"


class MailLoop(LimitReached):
    """The message went round: too many hops, or it was at this mailbox before (SMTP 554 5.4.6)."""

    default = "The message is in a loop"


class Unavailable(MailhubError):
    """Temporary: a part of the server (store, directory, coordination) cannot answer now."""

    default = "Temporarily unavailable, try again later"


class StillElsewhere(Unavailable):
    """The account's mail still lives on another server, and cannot be had here yet."""

    default = "The mail of this account is still at its former server"


class Untrusted(Unavailable):
    """Another server was reached, and did not prove with its certificate who it is."""

    default = "The server's certificate does not verify"


class StaleLease(Unavailable):
    """It was asked for in a turn that is over: another node does by now what this one did."""

    default = "Another node does this now"


class Outdated(Unavailable):
    """What is stored is of a newer version, which this one would do wrong by."""

    default = "This needs a newer version of mailhub"


class InUse(MailhubError):
    """Another session holds what this one needs, or the mailbox still has children."""

    default = "In use"


class Conflict(MailhubError):
    """The thing changed since the caller looked."""

    default = "It was changed meanwhile"


class Unsupported(MailhubError):
    """Well-formed, but this server does not do it (a charset, a transfer encoding, a scheme)."""

    default = "Not supported"


class Corrupt(MailhubError):
    """Stored bytes do not match their checksum or their row."""

    default = "Stored data is damaged"


class PolicyRefused(MailhubError):
    """What was found about a message or its client leads to a refusal, for good (`permanent`) or
    for now. `status`: subject and detail of the enhanced status code (RFC 3463, RFC 7372).
    `code`: the reply code that an administrator's own program wants, or 0."""

    default = "Refused by policy"

    def __init__(
        self, text: str = "", *, permanent: bool = True, status: str = "7.1", code: int = 0
    ) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.status = status
        self.code = code


class HookRefused(MailhubError):
    """A hook does not want it, for good (`permanent`) or for now. `text`: its own words."""

    default = "Refused by a rule of this server"

    def __init__(self, text: str = "", *, permanent: bool = True) -> None:
        super().__init__(text)
        self.permanent = permanent
