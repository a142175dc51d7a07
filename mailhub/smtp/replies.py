"""Every reply that this face gives: codes, enhanced codes (RFC 3463, RFC 5248) and our words.

The one table from faults and error kinds to codes. A reply is a value whose bytes are made once;
the text of an exception never reaches a peer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from mailhub.model.errors import (
    AccountDisabled,
    AllowanceUsed,
    AuthenticationFailed,
    HookRefused,
    Invalid,
    LimitReached,
    MailhubError,
    MailLoop,
    NotFound,
    NotPermitted,
    OverQuota,
    PolicyRefused,
    StorageFull,
    TooLarge,
    TooManyAttempts,
    Unavailable,
    Unsupported,
    WrongScope,
)
from mailhub.smtp.faults import Fault


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, ready for the wire. `code`: its three digits. `closes`: the connection ends."""

    code: int
    wire: bytes
    closes: bool = False


def reply(code: int, status: str, text: str, *, closes: bool = False) -> Reply:
    """A reply of one line. `status`: the enhanced code, or empty where RFC 2034 wants none."""
    middle = f"{status} {text}" if status else text
    return Reply(code, f"{code} {middle}\r\n".encode(), closes or code in (221, 421))


def lines(code: int, status: str, texts: Iterable[str]) -> Reply:
    """A reply of several lines; each has the enhanced code, if any (RFC 2034 section 4)."""
    parts = [f"{status} {text}" if status else text for text in texts]
    body = "".join(f"{code}-{part}\r\n" for part in parts[:-1])
    return Reply(code, f"{body}{code} {parts[-1]}\r\n".encode())


TEXT = 400
"""Characters of others' text that are told; a line has 512 octets (RFC 5321 4.5.3.1.5)."""
OK = reply(250, "2.0.0", "Ok")
SENDER_OK = reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = reply(250, "2.1.5", "Recipient ok")
START_INPUT = reply(354, "", "Send the message, end it with a line that is a single dot")
CHUNK_TAKEN = reply(250, "2.0.0", "Chunk taken")
BYE = reply(221, "2.0.0", "Goodbye")
START_TLS = reply(220, "2.0.0", "Ready to start TLS")
TLS_ALREADY = reply(503, "5.5.1", "TLS is active already")
TLS_UNAVAILABLE = reply(502, "5.5.1", "TLS is not offered here")
TLS_INJECTION = reply(554, "5.5.1", "Something followed STARTTLS without waiting for its reply")
TLS_FIRST = reply(530, "5.7.0", "Issue STARTTLS first")
NEEDS_TLS = reply(530, "5.7.10", "REQUIRETLS needs TLS here too")
AUTH_FIRST = reply(530, "5.7.0", "Authenticate first")
AUTH_OK = reply(235, "2.7.0", "Authenticated")
AUTH_ALREADY = reply(503, "5.5.1", "Authenticated already")
AUTH_UNAVAILABLE = reply(502, "5.5.1", "AUTH is not offered here")
AUTH_NEEDS_TLS = reply(538, "5.7.11", "Encryption is required to authenticate")
AUTH_MECHANISM = reply(504, "5.5.4", "This mechanism is not offered")
AUTH_CANCELLED = reply(501, "5.7.0", "Authentication cancelled")
AUTH_MALFORMED = reply(501, "5.5.2", "This is not valid base64")
AUTH_SYNTAX = reply(501, "5.5.2", "This is not a message of the mechanism")
CANNOT_VERIFY = reply(252, "2.0.0", "Cannot verify; send a message and it will be tried")
VERIFIED = reply(250, "2.1.5", "This address is here")
UNKNOWN_USER = reply(550, "5.1.1", "No such mailbox here")
XCLIENT_DENIED = reply(550, "5.7.0", "XCLIENT is not for you")
NO_SUCH_HELLO = reply(500, "5.5.1", "This is LMTP: say LHLO")
NO_LHLO = reply(500, "5.5.1", "This is not LMTP: say EHLO or HELO")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "Too many recipients, send the rest in another message")
TOO_MANY_MESSAGES = reply(421, "4.7.0", "Too many messages on this connection")
TOO_MANY_ERRORS = reply(421, "4.7.0", "Too many errors, closing the connection")
TIMEOUT = reply(421, "4.4.2", "Timed out, closing the connection")
SHUTDOWN = reply(421, "4.3.2", "The server is stopping, closing the connection")
LOGIN_ENDED = reply(421, "4.7.0", "The login has ended, closing the connection")
NOT_NOW = reply(421, "4.3.0", "Temporarily unavailable, try again later")
INTERNAL = reply(451, "4.3.0", "An internal error, try again later")
OVER_QUOTA_LATER = reply(452, "4.2.2", "The mailbox is full")
OVER_QUOTA = reply(552, "5.2.2", "The mailbox is full")

FAULTS: Mapping[Fault, Reply] = {
    Fault.UNKNOWN_COMMAND: reply(500, "5.5.1", "Unknown command"),
    Fault.NOT_IMPLEMENTED: reply(502, "5.5.1", "Command not implemented"),
    Fault.CONTROL_CHARACTER: reply(
        500, "5.5.2", "Control character, bare CR or bare LF in a command"
    ),
    Fault.NOT_UTF8: reply(500, "5.5.2", "This is neither ASCII nor UTF-8"),
    Fault.LINE_TOO_LONG: reply(500, "5.5.2", "Line too long"),
    Fault.RESPONSE_TOO_LONG: reply(500, "5.5.6", "Authentication line too long"),
    Fault.SYNTAX: reply(501, "5.5.4", "Syntax error in the arguments"),
    Fault.NO_ARGUMENT_ALLOWED: reply(501, "5.5.4", "No argument is allowed"),
    Fault.BAD_CHUNK_SIZE: reply(501, "5.5.4", "Syntax: BDAT size [LAST]; closing", closes=True),
    Fault.BAD_SENDER: reply(501, "5.1.7", "Syntax error in the sender address"),
    Fault.BAD_RECIPIENT: reply(501, "5.1.3", "Syntax error in the recipient address"),
    Fault.NEEDS_UTF8: reply(553, "5.6.7", "A non-ASCII address needs SMTPUTF8"),
    Fault.UNKNOWN_PARAMETER: reply(555, "5.5.4", "Unknown parameter"),
    Fault.REPEATED_PARAMETER: reply(501, "5.5.4", "A parameter stands twice"),
    Fault.BAD_PARAMETER: reply(501, "5.5.4", "Syntax error in a parameter's value"),
    Fault.HOLD_LIMIT: reply(
        501, "5.5.4", "Held back until a time that is past, or further off than EHLO says"
    ),
    Fault.HELLO_FIRST: reply(503, "5.5.1", "Say hello first"),
    Fault.SEQUENCE: reply(503, "5.5.1", "Bad sequence of commands"),
    Fault.MAIL_FIRST: reply(503, "5.5.1", "MAIL first"),
    Fault.NO_RECIPIENTS: reply(554, "5.5.1", "No valid recipients"),
    Fault.TRANSACTION_OPEN: reply(503, "5.5.1", "A mail transaction is open"),
    Fault.BINARY_NEEDS_BDAT: reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT"),
    Fault.TOO_LARGE: reply(552, "5.3.4", "The message is too large"),
    Fault.BARE_NEWLINE: reply(550, "5.5.2", "Bare CR or bare LF in the message"),
    Fault.DROPPED: INTERNAL,
}

LMTP_FAULTS: Mapping[Fault, Reply] = {
    **FAULTS,
    # RFC 2033 section 4.2 wants a 503 here, where RFC 5321 section 3.3 leaves the choice.
    Fault.NO_RECIPIENTS: reply(503, "5.5.1", "No valid recipients"),
}


class Stage(Enum):
    """What a client asked for when core raised an error kind: the same kind has other codes."""

    HELLO = auto()
    AUTH = auto()
    SENDER = auto()
    RECIPIENT = auto()
    CONTENT = auto()


_LATER = reply(451, "4.3.0", "Temporarily unavailable, try again later")
_COMMON: Mapping[type[MailhubError], Reply] = {
    Unavailable: _LATER,
    StorageFull: reply(452, "4.3.1", "Insufficient system storage"),
    TooLarge: FAULTS[Fault.TOO_LARGE],
    MailLoop: reply(554, "5.4.6", "The message is in a loop"),
    AllowanceUsed: reply(452, "4.7.1", "A limit is reached for now, try again later"),
    LimitReached: reply(452, "4.5.3", "A limit was reached"),
    TooManyAttempts: reply(451, "4.7.1", "Too many attempts, try again later"),
}
KINDS: Mapping[Stage, Mapping[type[MailhubError], Reply]] = {
    Stage.HELLO: {},
    # RFC 4954 section 6; X.7.13 is RFC 5248's "User Account Disabled".
    Stage.AUTH: {
        AccountDisabled: reply(525, "5.7.13", "This account is disabled"),
        # What other large servers answer, so that programs know what to ask their user for.
        WrongScope: reply(534, "5.7.9", "An application-specific password is required"),
        AuthenticationFailed: reply(535, "5.7.8", "Wrong credentials"),
        NotPermitted: reply(535, "5.7.8", "Not permitted to act as this user"),
        TooManyAttempts: reply(454, "4.7.0", "Too many attempts, try again later"),
        Unavailable: reply(454, "4.7.0", "Temporarily unavailable, try again later"),
        Unsupported: AUTH_MECHANISM,
        Invalid: AUTH_SYNTAX,
    },
    Stage.SENDER: {
        NotPermitted: reply(553, "5.7.1", "You may not send as this address"),
        NotFound: reply(550, "5.1.0", "This sender does not exist"),
        Invalid: FAULTS[Fault.BAD_SENDER],
    },
    Stage.RECIPIENT: {
        NotFound: UNKNOWN_USER,
        NotPermitted: reply(550, "5.7.1", "Relaying denied"),
        Invalid: FAULTS[Fault.BAD_RECIPIENT],
        LimitReached: TOO_MANY_RECIPIENTS,
    },
    Stage.CONTENT: {
        Unavailable: reply(451, "4.3.1", "The mail system is busy, try again later"),
        NotFound: reply(550, "5.1.1", "The mailbox is gone"),
        NotPermitted: reply(550, "5.7.1", "The message is refused"),
        Invalid: reply(554, "5.6.0", "The message is malformed"),
    },
}


def of_error(error: MailhubError, stage: Stage, over_quota: Reply = OVER_QUOTA_LATER) -> Reply:
    """The reply for `error`. `over_quota`: which of the two is configured."""
    if isinstance(error, HookRefused):
        permanent = 554 if stage is Stage.CONTENT else 550
        return refused_by_hook(error, permanent if error.permanent else 451)
    if isinstance(error, PolicyRefused):
        return refused_by_policy(error, error.code or (550 if error.permanent else 451))
    for kind in type(error).__mro__:
        if kind is OverQuota:
            return over_quota
        found = KINDS[stage].get(kind) or _COMMON.get(kind)
        if found is not None:
            return found
    return INTERNAL


def refused_by_hook(error: HookRefused, code: int) -> Reply:
    """A hook's own words, as far as a reply can hold them."""
    return reply(code, f"{code // 100}.7.1", _shown(error.text))


def refused_by_policy(error: PolicyRefused, code: int) -> Reply:
    """The status tells what was found (RFC 7372)."""
    return reply(code, f"{code // 100}.{error.status}", _shown(error.text))


def _shown(text: str) -> str:
    return "".join(mark if " " <= mark <= "~" else "?" for mark in text[:TEXT])


def queued(transaction: str) -> Reply:
    """The message is safe."""
    return reply(250, "2.0.0", f"Ok, taken as {transaction}")


def delivered(recipient: str) -> Reply:
    """LMTP: the message is in this recipient's mailbox (RFC 2033 section 4.2)."""
    return reply(250, "2.1.5", f"<{recipient}> Delivered")


def relayed(recipient: str) -> Reply:
    """LMTP: the message is queued for another server."""
    return reply(250, "2.1.5", f"<{recipient}> Queued")


def greeting(hostname: str, banner: str, *, lmtp: bool) -> Reply:
    """The first line of a session; RFC 5321 section 4.2 wants the host's name first."""
    return reply(220, "", f"{hostname} {'LMTP' if lmtp else 'ESMTP'} {banner}".rstrip())
