"""Strings as IMAP data (RFC 9051 `string` and `nstring`) for what is rendered at delivery.

Quoted where the content is printable ASCII and short, else a literal: so the same bytes are right
for IMAP4rev1, IMAP4rev2 and UTF8=ACCEPT sessions alike, and 8-bit header bytes reach the client
as they came (RFC 6855 3 forbids them in quoted strings only). NUL, which no literal may hold, is
`?`.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(rb"[ !#-\[\]-~\t]{0,1000}+").fullmatch
_QUOTABLE = re.compile(rb"[ -~\t]{0,1000}+").fullmatch
_ESCAPED = re.compile(rb'["\\]')

NIL = b"NIL"


def string(value: bytes) -> bytes:
    """`value` as a quoted string, or a literal with its bytes behind it."""
    if _PLAIN(value) is not None:
        return b'"%b"' % value
    if _QUOTABLE(value) is not None:
        return b'"%b"' % _ESCAPED.sub(rb"\\\g<0>", value)
    value = value.replace(b"\0", b"?")
    return b"{%d}\r\n%b" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """`string`, or NIL for None."""
    return NIL if value is None else string(value)
