"""The way out: strings, names, flags and dates as RFC 9051 section 9 spells them.

Everything that came from a person or a message and goes into an answer passes through here, so
that no text can end a line or a string early.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from time import gmtime

from mailhub.wire import utf7

ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
QUOTABLE = re.compile(rb"[^\x00\r\n\x80-\xff]{0,1000}")
QUOTABLE_UTF8 = re.compile(rb"[^\x00\r\n]{0,1000}")
SPECIAL = re.compile(rb'(["\\])')
MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def literal(octets: bytes) -> bytes:
    """`{n}` CRLF and the octets, whatever they are."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes, utf8: bool = False) -> bytes:
    """A quoted string, or a literal where a quoted string cannot hold it."""
    pattern = QUOTABLE_UTF8 if utf8 else QUOTABLE
    if pattern.fullmatch(octets) is None:
        return literal(octets)
    if b'"' in octets or b"\\" in octets:
        octets = SPECIAL.sub(rb"\\\1", octets)
    return b'"%b"' % octets


def nstring(octets: bytes | None, utf8: bool = False) -> bytes:
    """The same; NIL for None."""
    return b"NIL" if octets is None else string(octets, utf8)


def astring(octets: bytes, utf8: bool = False) -> bytes:
    """An atom where that is possible; a string otherwise (NIL, too, is quoted)."""
    if ASTRING.fullmatch(octets) is not None and octets.upper() != b"NIL":
        return octets
    return string(octets, utf8)


@lru_cache(maxsize=4096)
def mailbox(name: str, utf8: bool) -> bytes:
    """A mailbox name: UTF-8 for who enabled it, modified UTF-7 otherwise."""
    return astring(name.encode("utf-8") if utf8 else utf7.encode(name), utf8)


def flags(names: Iterable[str]) -> bytes:
    """A parenthesized flag list."""
    return b"(%b)" % " ".join(names).encode("ascii", "replace")


def internaldate(epoch: int) -> bytes:
    """A quoted date-time in UTC (RFC 9051 date-time)."""
    moment = gmtime(epoch)
    return b'"%2d-%b-%04d %02d:%02d:%02d +0000"' % (
        moment.tm_mday,
        MONTHS[moment.tm_mon - 1],
        moment.tm_year,
        moment.tm_hour,
        moment.tm_min,
        moment.tm_sec,
    )
