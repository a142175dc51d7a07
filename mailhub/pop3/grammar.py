"""POP3 command lines ↔ values (RFC 1939 section 9, 2449, 2595, 5034, 6856). Pure.

Here is what a line means and how an answer is spelled on the wire; which command is legal when
belongs to `machine`, what it does to `talk`.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from mailhub.model.errors import Invalid, Unsupported

COMMAND_LINE = 512
"""Longest command line in bytes with its CRLF. RFC 2449 section 4 grants 255; names in UTF-8
(RFC 6856 section 2) can be longer."""
SASL_LINE = 4096
"""Longest base64 answer to a SASL challenge in bytes; the mechanisms offered need far less."""


@dataclass(frozen=True, slots=True)
class Capa:
    """List the capabilities (RFC 2449 section 5)."""


@dataclass(frozen=True, slots=True)
class User:
    """The name of the maildrop (RFC 1939 section 7)."""

    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """Its password: everything after the first space, spaces included (RFC 1939 section 7)."""

    password: str


@dataclass(frozen=True, slots=True)
class Auth:
    """A SASL exchange (RFC 5034 section 4). `mechanism`: upper case; empty asks for a list, which
    Outlook Express and Netscape did before SASL stood in CAPA. `initial`: the decoded initial
    response, None when there was none."""

    mechanism: str
    initial: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stls:
    """Begin TLS (RFC 2595 section 4)."""


@dataclass(frozen=True, slots=True)
class Utf8:
    """Allow UTF-8 (RFC 6856 section 2)."""


@dataclass(frozen=True, slots=True)
class Lang:
    """Choose the language of the texts (RFC 6856 section 3); empty lists them."""

    tag: str = ""


@dataclass(frozen=True, slots=True)
class Stat:
    """Count and size of the maildrop."""


@dataclass(frozen=True, slots=True)
class List:
    """Sizes of all messages, or of one."""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class Uidl:
    """Unique ids of all messages, or of one."""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class Retr:
    """A whole message."""

    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """A message's header and its body's first `lines` lines."""

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele:
    """Mark a message for deletion at QUIT."""

    number: int


@dataclass(frozen=True, slots=True)
class Rset:
    """Take all deletion marks back."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Nothing, successfully."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the session; in TRANSACTION, delete what is marked first."""


Command = (
    Capa
    | User
    | Pass
    | Auth
    | Stls
    | Utf8
    | Lang
    | Stat
    | List
    | Uidl
    | Retr
    | Top
    | Dele
    | Rset
    | Noop
    | Quit
)

_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NUMBER = re.compile(rb"[0-9]{1,10}")
_MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}")
_LANGUAGE = re.compile(rb"\*|[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}")


def parse(line: bytes) -> Command:
    """The command on `line`, which comes without its CRLF.

    Raises Invalid (unknown, or wrong arguments) and Unsupported (known, and not offered).
    """
    keyword, _, arguments = line.partition(b" ")
    reader = _READERS.get(keyword.upper())
    if reader is None:
        raise Invalid("Unknown command")
    if _CONTROLS.search(arguments):
        raise Invalid("Control characters are not allowed")
    return reader(arguments)


def response(line: bytes) -> bytes | None:
    """A decoded answer to a SASL challenge; None for `*`, which cancels. Raises Invalid."""
    return None if line == b"*" else _base64(line)


def _base64(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        raise Invalid("This is not base64") from None


def _text(argument: bytes, what: str) -> str:
    """RFC 6856 section 2 allows UTF-8 after the UTF8 command; it is never read as anything else."""
    try:
        text = argument.decode()
    except UnicodeDecodeError:
        raise Invalid(f"The {what} is not UTF-8") from None
    if not text:
        raise Invalid(f"The {what} is missing")
    return text


def _numbers(arguments: bytes, least: int, most: int) -> list[int]:
    """From `least` to `most` numbers. Doubled and trailing spaces are forgiven."""
    words = arguments.split()
    if not least <= len(words) <= most:
        raise Invalid("Wrong number of arguments")
    if not all(_NUMBER.fullmatch(word) for word in words):
        raise Invalid("A number is expected")
    return [int(word) for word in words]


def _bare(command: Command) -> Callable[[bytes], Command]:
    """A command without arguments; the value is made once."""

    def read(arguments: bytes) -> Command:
        if arguments.strip():
            raise Invalid("No arguments are expected")
        return command

    return read


def _user(arguments: bytes) -> User:
    return User(_text(arguments.strip(), "name"))


def _pass(arguments: bytes) -> Pass:
    return Pass(_text(arguments, "password"))


def _apop(arguments: bytes) -> Command:
    """RFC 1939 section 7 needs the password in clear text at the server; none is kept here, and
    the greeting has no timestamp, which says so."""
    raise Unsupported("APOP is not offered, use AUTH SCRAM-SHA-256")


def _auth(arguments: bytes) -> Auth:
    words = arguments.split()
    if not words:
        return Auth("")
    if len(words) > 2 or not _MECHANISM.fullmatch(words[0]):
        raise Invalid("Wrong arguments")
    mechanism = words[0].decode("ascii").upper()
    if len(words) == 1:
        return Auth(mechanism)
    return Auth(mechanism, b"" if words[1] == b"=" else _base64(words[1]))


def _lang(arguments: bytes) -> Lang:
    tag = arguments.strip()
    if tag and not _LANGUAGE.fullmatch(tag):
        raise Invalid("This is not a language tag")
    return Lang(tag.decode("ascii"))


def _list(arguments: bytes) -> List:
    return List(*_numbers(arguments, 0, 1))


def _uidl(arguments: bytes) -> Uidl:
    return Uidl(*_numbers(arguments, 0, 1))


def _retr(arguments: bytes) -> Retr:
    return Retr(*_numbers(arguments, 1, 1))


def _top(arguments: bytes) -> Top:
    return Top(*_numbers(arguments, 2, 2))


def _dele(arguments: bytes) -> Dele:
    return Dele(*_numbers(arguments, 1, 1))


_READERS: dict[bytes, Callable[[bytes], Command]] = {
    b"CAPA": _bare(Capa()),
    b"USER": _user,
    b"PASS": _pass,
    b"APOP": _apop,
    b"AUTH": _auth,
    b"STLS": _bare(Stls()),
    b"UTF8": _bare(Utf8()),
    b"LANG": _lang,
    b"STAT": _bare(Stat()),
    b"LIST": _list,
    b"UIDL": _uidl,
    b"RETR": _retr,
    b"TOP": _top,
    b"DELE": _dele,
    b"RSET": _bare(Rset()),
    b"NOOP": _bare(Noop()),
    b"QUIT": _bare(Quit()),
}


_DOT_LINE = re.compile(rb"\n\.")
"""Searched for with `re`: measured three times as fast as `in` on lines of text."""
_LONE_DOT = re.compile(rb"\n\.(?=\r?\n)")


class Stuffing:
    """Byte-stuffs a message that passes in chunks, and ends it (RFC 1939 section 3).

    Besides the dots after CRLF, a dot that stands alone between bare LFs is doubled: clients that
    end lines at LF (poplib, fetchmail) would take it for the end of the message and the rest for
    answers. SMTP lets no such line in; APPEND and imports can. Nothing else is changed.
    """

    __slots__ = ("_before", "_held")

    def __init__(self) -> None:
        self._before = b"\r\n"
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What to send for the next `chunk`. A dot at its end waits for what comes after it."""
        if not (_DOT_LINE.search(chunk) or self._held or chunk.startswith(b".")):
            self._before = (self._before + chunk[-2:])[-2:]
            return chunk
        data = self._held + chunk
        _, line_end, line = (self._before + data[-3:])[-3:].rpartition(b"\n")
        cut = len(data) - (len(line) if line_end and line in (b".", b".\r") else 0)
        self._held = data[cut:]
        return self._stuffed(data[:cut])

    def end(self) -> bytes:
        """The rest and the terminator; a last line without its CRLF gets one."""
        ended = (self._before + self._held).endswith(b"\r\n")
        return self._stuffed(self._held if ended else self._held + b"\r\n") + b".\r\n"

    def _stuffed(self, data: bytes) -> bytes:
        window = (self._before + data).replace(b"\r\n.", b"\r\n..")
        if b"\n.\n" in window or b"\n.\r\n" in window:
            window = _LONE_DOT.sub(b"\n..", window)
        self._before = (self._before + data[-2:])[-2:]
        return window[2:]


def first_lines(body: bytes, lines: int) -> tuple[bytes, int]:
    """The part of `body` that holds at most `lines` lines, and how many lines are still wanted.

    0 wanted means that the cut was made.
    """
    at = 0
    while lines:
        end = body.find(b"\n", at)
        if end < 0:
            return body, lines
        at = end + 1
        lines -= 1
    return body[:at], 0
