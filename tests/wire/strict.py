"""A strict, small reader of IMAP data: what a client that knows only the grammar would accept.

Written for the tests alone, and not from `mailhub.wire.datum`: it must find what that one forgives.
"""

from __future__ import annotations

Value = bytes | int | list["Value"] | None


class Strict(AssertionError):
    """The bytes are not what the grammar allows."""


def read(data: bytes) -> Value:
    """The one value that `data` spells: nstring, number or parenthesized list (RFC 9051 9)."""
    value, at = _value(data, 0)
    if at != len(data):
        raise Strict(f"more follows at {at}: {data[at : at + 40]!r}")
    return value


def _value(data: bytes, at: int) -> tuple[Value, int]:
    stack: list[list[Value]] = []
    while True:
        value: Value
        first = data[at : at + 1]
        if first == b"(":
            stack.append([])
            at += 1
            continue
        if first == b'"':
            value, at = _quoted(data, at + 1)
        elif first == b"{":
            value, at = _literal(data, at + 1)
        elif data[at : at + 3] == b"NIL":
            value, at = None, at + 3
        elif first.isdigit():
            start = at
            while data[at : at + 1].isdigit():
                at += 1
            value = int(data[start:at])
        else:
            raise Strict(f"no value at {at}: {data[at : at + 40]!r}")
        while True:
            if not stack:
                return value, at
            stack[-1].append(value)
            if data[at : at + 1] == b")":
                at += 1
                value = stack.pop()
                continue
            break
        if data[at : at + 1] == b" ":
            at += 1
        elif not (data[at : at + 1] == b"(" and isinstance(value, list)):
            # Only lists may follow one another without a space (addresses, body parts).
            raise Strict(f"no space at {at}: {data[at : at + 40]!r}")


def _quoted(data: bytes, at: int) -> tuple[bytes, int]:
    out = bytearray()
    while True:
        byte = data[at] if at < len(data) else -1
        if byte == 0x22:
            return bytes(out), at + 1
        if byte == 0x5C:
            at += 1
            byte = data[at] if at < len(data) else -1
            if byte not in b'"\\':
                raise Strict("only quote and backslash may be escaped")
        elif not 1 <= byte <= 127 or byte in b"\r\n":
            raise Strict(f"byte {byte} in a quoted string")
        out.append(byte)
        at += 1


def _literal(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.index(b"}\r\n", at)
    size = int(data[at:end])
    value = data[end + 3 : end + 3 + size]
    if len(value) != size or b"\0" in value:
        raise Strict("a literal is short or holds NUL")
    return value, end + 3 + size


def _string(value: Value) -> None:
    if not isinstance(value, bytes):
        raise Strict(f"a string, not {value!r}")


def _nstring(value: Value) -> None:
    if value is not None:
        _string(value)


def check_envelope(value: Value) -> None:
    """The shape of an ENVELOPE (RFC 9051 `envelope`)."""
    if not isinstance(value, list) or len(value) != 10:
        raise Strict(f"an envelope has ten members: {value!r}")
    for at in (0, 1, 8, 9):
        _nstring(value[at])
    for at in range(2, 8):
        addresses = value[at]
        if addresses is None:
            continue
        if not isinstance(addresses, list) or not addresses:
            raise Strict("an address list is NIL or has addresses")
        for address in addresses:
            if not isinstance(address, list) or len(address) != 4:
                raise Strict(f"an address has four members: {address!r}")
            for part in address:
                _nstring(part)


def _parameters(value: Value) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not value or len(value) % 2:
        raise Strict(f"parameters are NIL or pairs: {value!r}")
    for part in value:
        _string(part)


def check_body(top: Value, *, extended: bool) -> None:
    """The shape of a BODYSTRUCTURE, or of a BODY (RFC 9051 `body`)."""
    waiting = [top]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, list) or not value:
            raise Strict(f"a body is a list: {value!r}")
        if isinstance(value[0], list):
            parts = [part for part in value if isinstance(part, list)]
            count = next(at for at, part in enumerate(value) if not isinstance(part, list))
            waiting += parts[:count]
            rest = value[count:]
            _string(rest[0])
            if extended:
                _parameters(rest[1])
            rest = rest[2:] if extended else rest[1:]
        else:
            rest = _check_leaf(value, waiting)
            if extended:
                _nstring(rest[0])
                rest = rest[1:]
        _check_extension(rest, extended)


def _check_leaf(value: list[Value], waiting: list[Value]) -> list[Value]:
    kind, subtype, parameters, id, description, encoding, size = value[:7]
    for part in (kind, subtype, encoding):
        _string(part)
    _nstring(id)
    _nstring(description)
    _parameters(parameters)
    if not isinstance(size, int):
        raise Strict(f"octets are a number: {size!r}")
    assert isinstance(kind, bytes)
    assert isinstance(subtype, bytes)
    if kind.lower() == b"message" and subtype.lower() in (b"rfc822", b"global"):
        check_envelope(value[7])
        waiting.append(value[8])
        if not isinstance(value[9], int):
            raise Strict("a message has lines")
        return value[10:]
    if kind.lower() == b"text":
        if not isinstance(value[7], int):
            raise Strict("text has lines")
        return value[8:]
    return value[7:]


def _check_extension(rest: list[Value], extended: bool) -> None:
    """Disposition, language, location, and nothing behind them."""
    if not extended:
        if rest:
            raise Strict(f"BODY has no extension data: {rest!r}")
        return
    if len(rest) != 3:
        raise Strict(f"three members of extension data: {rest!r}")
    disposition, language, location = rest
    if disposition is not None:
        if not isinstance(disposition, list) or len(disposition) != 2:
            raise Strict(f"a disposition has two members: {disposition!r}")
        _string(disposition[0])
        _parameters(disposition[1])
    if isinstance(language, list):
        if not language:
            raise Strict("a list of languages has languages")
        for tag in language:
            _string(tag)
    else:
        _nstring(language)
    _nstring(location)
