"""Commands about the session itself: LOGIN, AUTHENTICATE, ID, ENABLE, COMPRESS (RFC 9051 6.1-6.3).

Also the lines of an AUTHENTICATE exchange, which are no commands.
"""

from __future__ import annotations

import binascii

from mailhub.imap.grammar.cursor import Cursor, decoded
from mailhub.imap.grammar.values import Authenticate, Compress, Enable, Extension, Id, Login
from mailhub.model.errors import Invalid, LimitReached

MAX_ID_FIELDS = 30
"""RFC 2971 section 3.3."""
EXTENSIONS = {extension.value.upper(): extension for extension in Extension}


def login(cursor: Cursor) -> Login:
    """What follows `LOGIN`."""
    cursor.space()
    username = cursor.text()
    cursor.space()
    return Login(username, cursor.text())


def authenticate(cursor: Cursor) -> Authenticate:
    """What follows `AUTHENTICATE`; `=` is an empty initial response (RFC 4959)."""
    cursor.space()
    mechanism = cursor.word("Mechanism").decode("ascii")
    if not cursor.data[cursor.at :].strip(b" "):
        return Authenticate(mechanism)
    cursor.space()
    rest = cursor.data[cursor.at :].rstrip(b" ")
    cursor.at = len(cursor.data)
    return Authenticate(mechanism, b"" if rest == b"=" else base64(rest))


def base64(text: bytes) -> bytes:
    """The octets of one base64 line. Raises Invalid."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise Invalid("The response is not valid base64") from None


def id_(cursor: Cursor) -> Id:
    """What follows `ID`."""
    cursor.space()
    if cursor.data[cursor.at : cursor.at + 3].upper() == b"NIL":
        cursor.at += 3
        return Id()
    cursor.expect(b"(")
    fields: list[tuple[str, str | None]] = []
    while not cursor.take(b")"):
        if fields:
            cursor.space()
        name = decoded(cursor.string()).lower()
        cursor.space()
        value = cursor.nstring()
        # A client's description of itself is for people: what is not UTF-8 is shown as such.
        fields.append((name, None if value is None else value.decode("utf-8", "replace")))
        if len(fields) > MAX_ID_FIELDS:
            raise LimitReached("Too many fields")
    return Id(tuple(fields))


def enable(cursor: Cursor) -> Enable:
    """What follows `ENABLE`; names that are not known are no error (RFC 5161 3.1)."""
    wanted: set[Extension] = set()
    first = True
    while first or cursor.data[cursor.at :].strip(b" "):
        cursor.space()
        extension = EXTENSIONS.get(cursor.word("Capability"))
        if extension is not None:
            wanted.add(extension)
        first = False
    return Enable(frozenset(wanted))


def compress(cursor: Cursor) -> Compress:
    """What follows `COMPRESS`."""
    cursor.space()
    return Compress(cursor.word("Mechanism").decode("ascii"))
