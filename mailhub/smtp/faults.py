"""What a client can get wrong in the protocol itself, as kinds; `replies` gives each its code.

Faults are found by grammar and machine before core is asked. What core finds wrong are the kinds
of `model.errors`.
"""

from __future__ import annotations

from enum import Enum, auto


class Fault(Enum):
    """One kind of protocol error (RFC 5321 section 4.2.2, RFC 3463)."""

    UNKNOWN_COMMAND = auto()
    NOT_IMPLEMENTED = auto()
    CONTROL_CHARACTER = auto()
    """A control character, a bare CR or a bare LF in a command line."""
    NOT_UTF8 = auto()
    LINE_TOO_LONG = auto()
    RESPONSE_TOO_LONG = auto()
    SYNTAX = auto()
    """The arguments do not follow the verb's grammar."""
    NO_ARGUMENT_ALLOWED = auto()
    BAD_CHUNK_SIZE = auto()
    """Nobody knows where the next command starts: the connection cannot go on."""
    BAD_SENDER = auto()
    BAD_RECIPIENT = auto()
    NEEDS_UTF8 = auto()
    """A non-ASCII address, and MAIL did not say SMTPUTF8 (RFC 6531 section 3.5)."""
    UNKNOWN_PARAMETER = auto()
    REPEATED_PARAMETER = auto()
    BAD_PARAMETER = auto()
    """A known parameter with a value outside its grammar."""
    HOLD_LIMIT = auto()
    """To be held back for longer than is offered, or until a time that is past (RFC 4865)."""
    HELLO_FIRST = auto()
    SEQUENCE = auto()
    MAIL_FIRST = auto()
    NO_RECIPIENTS = auto()
    TRANSACTION_OPEN = auto()
    BINARY_NEEDS_BDAT = auto()
    TOO_LARGE = auto()
    BARE_NEWLINE = auto()
    """A bare CR or LF in message content."""
    DROPPED = auto()
    """Content was not kept, for a reason that whoever dropped it knows."""


class Refusal(Exception):
    """A command that cannot be carried out for `fault`; the session goes on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault
