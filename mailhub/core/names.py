"""What a mailbox may be called (RFC 9051 section 5.1).

A name is data and never a path of the file system; the rules keep names printable, comparable
and bounded, nothing more. Storage and permission belong elsewhere.
"""

from __future__ import annotations

import re
import unicodedata

from mailhub.model.errors import Invalid

SEPARATOR = "/"
LEVEL = 512
"""Longest name of one level, in characters."""
DEPTH = 128
"""Most levels of a name."""
NAME_OCTETS = 16384
"""Longest full name, in octets of UTF-8: with it all commands fit into a line of IMAP."""

# RFC 9051 5.1 asks for Net-Unicode (RFC 5198): no control characters, and neither the line nor
# the paragraph separator; surrogates cannot be written as UTF-8.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_WILDCARDS = re.compile("[*%]")


def canonical(name: str) -> str:
    """`name` as it is stored: NFC, INBOX in capitals as the first level, no trailing separator.

    Any case of INBOX is INBOX (RFC 9051 5.1), also as the parent of other names, as clients that
    create `Inbox/Lists` expect. Raises Invalid with field `name`.
    """
    if len(name) > NAME_OCTETS:
        raise Invalid("The mailbox name is too long", field="name")
    if _FORBIDDEN.search(name):
        raise Invalid("The mailbox name has a control character", field="name")
    name = unicodedata.normalize("NFC", name).removesuffix(SEPARATOR)
    if not name:
        raise Invalid("The mailbox name is empty", field="name")
    levels = name.split(SEPARATOR)
    if len(levels) > DEPTH:
        raise Invalid(f"A mailbox name has at most {DEPTH} levels", field="name")
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    for level in levels:
        _check_level(level)
    name = SEPARATOR.join(levels)
    if len(name.encode()) > NAME_OCTETS:
        raise Invalid("The mailbox name is too long", field="name")
    return name


def _check_level(level: str) -> None:
    if not level:
        raise Invalid("A mailbox name has no empty level", field="name")
    if level in (".", ".."):
        raise Invalid("A mailbox name has no level of dots alone", field="name")
    if len(level) > LEVEL:
        raise Invalid(f"A level has at most {LEVEL} characters", field="name")


def creatable(name: str) -> str:
    """`canonical`, and no wildcards: a new name that LIST could not ask for is refused.

    Raises Invalid with field `name`.
    """
    name = canonical(name)
    if _WILDCARDS.search(name):
        raise Invalid("A mailbox name has no * or %", field="name")
    if name.startswith(("~", "#")):
        # `#` starts a namespace (RFC 9051 5.1.2.1), `~` another user's home in old clients.
        raise Invalid("A mailbox name does not begin with ~ or #", field="name")
    return name


def parents(name: str) -> tuple[str, ...]:
    """The superior names of `name`, outermost first."""
    levels = name.split(SEPARATOR)
    return tuple(SEPARATOR.join(levels[:count]) for count in range(1, len(levels)))


def below(name: str, ancestor: str) -> bool:
    """Whether `name` is an inferior of `ancestor`."""
    return name.startswith(ancestor + SEPARATOR)
