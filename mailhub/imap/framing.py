"""What a command line looks like from outside: its tag and name, its literals, and the limits.

The machine reads by these; no state is here.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NoReturn

from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.verb import Verb
from mailhub.model.errors import Invalid

HEAD = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]+) ((?:UID )?[A-Z]+)(?=[ ]|\Z)', re.IGNORECASE)
TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+(?= )')
LITERAL = re.compile(rb"(~?)\{(\d{1,20})(\+?)\}\Z")
LITERAL_SPAN = 24
"""Octets that the longest announcement of a literal takes."""
UNAUTHENTICATED_INPUT = 4096
"""Octets that a client may send before it logs in, TLS excluded; counted anew after STARTTLS."""
LONGEST_TAG = 200
"""A longer tag is a command line like any other that makes no sense."""
DISCARDED = 4
"""How many times the limit for one message is read and thrown away before the server hangs up."""


class Mode(Enum):
    """What the next bytes are."""

    COMMAND = "a command"
    ANNOUNCED = "a literal of a message, when the talk takes it"
    MESSAGE = "octets of a message"
    TAIL = "what follows a message inside its command"
    DISCARD = "something refused, up to its end"
    LINES = "lines of an exchange"
    DEAD = "nothing that matters"


class UnknownCommand(Invalid):
    """No verb has this name."""

    default = "Unknown command"


class WrongState(Invalid):
    """The verb exists, but not now (RFC 9051 section 3)."""

    default = "The command is not valid in this state"


def tag_of(line: bytes) -> bytes:
    """The tag to answer a senseless line with."""
    found = TAG.match(line)
    return found[0] if found is not None and len(found[0]) <= LONGEST_TAG else b"*"


def without_message(verb: Verb, cursor: Cursor) -> NoReturn:
    """A command that should have announced a message: says what is wrong with it."""
    verb.parse(cursor)
    cursor.space()
    raise Invalid("A message literal is expected")
