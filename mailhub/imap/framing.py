"""What a command line looks like from outside: its tag and name, its literals, and the limits.

The machine reads by these; no state is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NoReturn

from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.state import State
from mailhub.imap.verb import Verb
from mailhub.model.errors import Invalid, MailhubError

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
    PASSED = "another server's business"
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


def opening(
    line: bytes, verbs: Mapping[bytes, Verb], state: State
) -> tuple[bytes, Verb | None, int, MailhubError | None]:
    """Tag, verb and where its arguments begin; or why there is none."""
    found = HEAD.match(line)
    if found is None:
        if not line:
            return b"*", None, 0, Invalid("A command is missing")
        tag = tag_of(line)
        return tag, None, 0, Invalid("A tag is missing") if tag == b"*" else UnknownCommand()
    tag = found[1]
    if len(tag) > LONGEST_TAG:
        return b"*", None, 0, Invalid("The tag is too long")
    verb = verbs.get(found[2].upper())
    if verb is None:
        return tag, None, 0, UnknownCommand()
    if state not in verb.states:
        return tag, None, 0, WrongState()
    return tag, verb, found.end(), None


def without_message(verb: Verb, cursor: Cursor) -> NoReturn:
    """A command that should have announced a message: says what is wrong with it."""
    verb.parse(cursor)
    cursor.space()
    raise Invalid("A message literal is expected")
