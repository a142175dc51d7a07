"""ManageSieve commands ↔ values (RFC 5804 section 4). Pure.

Here is what a command means and how strings are spelled; where one ends and which is legal when
belongs to `machine`, what it does to `talk`.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from mailhub.model.errors import Invalid, Unsupported

QUOTED = 1024
"""Octets that a quoted string is written with at most; longer ones are literals (RFC 5804 4)."""
NAME = 512
"""Octets of a script's name (RFC 5804 section 1.6: 128 characters)."""
SASL = 8192
"""Octets of a base64 string in a SASL exchange."""


@dataclass(frozen=True, slots=True)
class Capability:
    """List the capabilities."""


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Begin TLS."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """A SASL exchange. `mechanism`: upper case; `initial`: decoded, None where there was none."""

    mechanism: str
    initial: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """Back to where nobody is logged in."""


@dataclass(frozen=True, slots=True)
class Logout:
    """The end."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Nothing, successfully. `tag`: comes back with the answer."""

    tag: str | None = None


@dataclass(frozen=True, slots=True)
class HaveSpace:
    """Whether a script of this size could be put under this name."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class PutScript:
    """Keep a script."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class CheckScript:
    """Check a script without keeping it."""

    source: str


@dataclass(frozen=True, slots=True)
class ListScripts:
    """The names of all scripts."""


@dataclass(frozen=True, slots=True)
class SetActive:
    """Run this script on mail; an empty name: none."""

    name: str


@dataclass(frozen=True, slots=True)
class GetScript:
    """A script's source."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteScript:
    """Remove a script."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameScript:
    """Give a script another name."""

    name: str
    new_name: str


Command = (
    Capability
    | StartTLS
    | Authenticate
    | Unauthenticate
    | Logout
    | Noop
    | HaveSpace
    | PutScript
    | CheckScript
    | ListScripts
    | SetActive
    | GetScript
    | DeleteScript
    | RenameScript
)

LITERAL = re.compile(rb"\{(\d{1,10})\+\}\Z")
"""The announcement of a literal at the end of a line."""
LITERAL_SPAN = 13
"""Octets that the longest announcement takes."""
_HEAD = re.compile(rb"([A-Za-z]{1,20})(?= |\Z)")
_ARGUMENT = re.compile(
    rb' +(?:"((?>(?:[^"\\\r\n]|\\["\\])*))"|(\d{1,10})(?= |\Z)|\{(\d{1,10})\+\}\r\n)'
)
_ESCAPE = re.compile(rb'\\(["\\])')
_TO_QUOTE = re.compile(rb'["\\]')

Value = bytes | int


def verb_of(line: bytes) -> bytes:
    """The command's name in capitals; empty where none stands there."""
    found = _HEAD.match(line)
    return found[1].upper() if found is not None else b""


def parse(data: bytes) -> Command:
    """A whole command without its line end, literals included. Raises Invalid, Unsupported."""
    found = _HEAD.match(data)
    if found is None:
        raise Invalid("A command is expected")
    build = _COMMANDS.get(found[1].upper())
    if build is None:
        raise Unsupported("Unknown command")
    return build(_arguments(data, found.end()))


def response(data: bytes) -> bytes | None:
    """An answer to a SASL challenge, decoded; None for the `*` that calls the exchange off.

    Raises Invalid.
    """
    values = _arguments(b" " + data, 0)
    if len(values) != 1 or not isinstance(values[0], bytes):
        raise Invalid("A string is expected")
    return None if values[0] == b"*" else _base64(values[0])


def _arguments(data: bytes, at: int) -> list[Value]:
    found: list[Value] = []
    while at < len(data):
        argument = _ARGUMENT.match(data, at)
        if argument is None:
            if data[at:].strip(b" "):
                raise Invalid("The arguments are malformed")
            break
        at = argument.end()
        quoted, number, literal = argument.groups()
        if number is not None:
            found.append(int(number))
        elif literal is not None:
            size = int(literal)
            if len(data) - at < size:
                raise Invalid("The literal is cut short")
            found.append(data[at : at + size])
            at += size
        else:
            found.append(_ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
    return found


def _text(value: Value, what: str = "The string") -> str:
    if not isinstance(value, bytes):
        raise Invalid(f"{what} must be a string")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{what} is not UTF-8") from None


def _name(value: Value) -> str:
    if isinstance(value, bytes) and len(value) > NAME:
        raise Invalid("The name is too long")
    return _text(value, "The name")


def _base64(value: bytes) -> bytes:
    if len(value) > SASL:
        raise Invalid("The response is too long")
    try:
        return b64decode(value, validate=True)
    except binascii.Error:
        raise Invalid("This is not base64") from None


def _take(values: list[Value], count: int) -> list[Value]:
    if len(values) != count:
        raise Invalid(f"The command takes {count} arguments" if count else "No argument is taken")
    return values


def _bare(command: Command) -> Callable[[list[Value]], Command]:
    def build(values: list[Value]) -> Command:
        _take(values, 0)
        return command

    return build


def _authenticate(values: list[Value]) -> Command:
    if not 1 <= len(values) <= 2:
        raise Invalid("AUTHENTICATE takes a mechanism and maybe a first response")
    mechanism = _text(values[0]).upper()
    if len(values) == 1:
        return Authenticate(mechanism)
    if not isinstance(values[1], bytes):
        raise Invalid("The first response must be a string")
    return Authenticate(mechanism, _base64(values[1]))


def _noop(values: list[Value]) -> Command:
    if not values:
        return Noop()
    [tag] = _take(values, 1)
    return Noop(_name(tag))


def _have_space(values: list[Value]) -> Command:
    name, size = _take(values, 2)
    if not isinstance(size, int):
        raise Invalid("The size must be a number")
    return HaveSpace(_name(name), size)


def _put_script(values: list[Value]) -> Command:
    name, source = _take(values, 2)
    return PutScript(_name(name), _text(source, "The script"))


def _check_script(values: list[Value]) -> Command:
    [source] = _take(values, 1)
    return CheckScript(_text(source, "The script"))


def _of_name(kind: Callable[[str], Command]) -> Callable[[list[Value]], Command]:
    def build(values: list[Value]) -> Command:
        [name] = _take(values, 1)
        return kind(_name(name))

    return build


def _rename_script(values: list[Value]) -> Command:
    name, new_name = _take(values, 2)
    return RenameScript(_name(name), _name(new_name))


_COMMANDS: dict[bytes, Callable[[list[Value]], Command]] = {
    b"CAPABILITY": _bare(Capability()),
    b"STARTTLS": _bare(StartTLS()),
    b"AUTHENTICATE": _authenticate,
    b"UNAUTHENTICATE": _bare(Unauthenticate()),
    b"LOGOUT": _bare(Logout()),
    b"NOOP": _noop,
    b"HAVESPACE": _have_space,
    b"PUTSCRIPT": _put_script,
    b"CHECKSCRIPT": _check_script,
    b"LISTSCRIPTS": _bare(ListScripts()),
    b"SETACTIVE": _of_name(SetActive),
    b"GETSCRIPT": _of_name(GetScript),
    b"DELETESCRIPT": _of_name(DeleteScript),
    b"RENAMESCRIPT": _rename_script,
}


def string(text: str | bytes) -> bytes:
    """A string as the server writes it: quoted where it is short and one line, else a literal."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) <= QUOTED and not any(mark in data for mark in (b"\r", b"\n", b"\0")):
        return b'"%b"' % _TO_QUOTE.sub(rb"\\\g<0>", data)
    return b"{%d}\r\n%b" % (len(data), data)
