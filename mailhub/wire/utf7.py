"""Modified UTF-7, the spelling of mailbox names in IMAP4rev1 (RFC 3501 5.1.3).

One name has one spelling: whatever is not what `encode` would write is refused, so that a name
cannot be hidden behind a second form of itself.
"""

from __future__ import annotations

import binascii
import re

from mailhub.model.errors import Invalid

_DIRECT = re.compile(r"[^ -%'-~]+")
_SHIFTED = re.compile(rb"&([^-]*)-")
_PRINTABLE = re.compile(rb"[ -~]*")


def encode(name: str) -> bytes:
    """A mailbox name as modified UTF-7. Raises Invalid for lone surrogates."""
    if name.isascii() and "&" not in name and name.isprintable():
        return name.encode("ascii")
    try:
        return _DIRECT.sub(_shift, name).encode("ascii")
    except UnicodeEncodeError as error:
        raise Invalid("The name holds half a character", "mailbox") from error


def _shift(run: re.Match[str]) -> str:
    """A run of characters that do not stand for themselves; `&` alone among them is `&-`."""
    pieces = re.split("(&)", run[0])
    return "".join("&-" if piece == "&" else _base64(piece) for piece in pieces if piece)


def _base64(text: str) -> str:
    coded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False).rstrip(b"=")
    return "&" + coded.replace(b"/", b",").decode("ascii") + "-"


def decode(name: bytes) -> str:
    """A mailbox name from modified UTF-7. Raises Invalid for anything `encode` does not write:
    8-bit or control bytes, an open shift, coded printable characters, stray bits."""
    if b"&" not in name and _PRINTABLE.fullmatch(name) is not None:
        return name.decode("ascii")
    try:
        text = _decode(name)
        if encode(text) != name:
            raise ValueError(name)
    except (ValueError, Invalid) as error:
        raise Invalid("The name is not valid modified UTF-7", "mailbox") from error
    return text


def _decode(name: bytes) -> str:
    """The reading before it is held against the one spelling."""
    pieces: list[str] = []
    start = 0
    for shift in _SHIFTED.finditer(name):
        pieces.append(name[start : shift.start()].decode("ascii"))
        coded = shift[1].replace(b",", b"/")
        padded = coded + b"=" * (-len(coded) % 4)
        pieces.append(binascii.a2b_base64(padded).decode("utf-16-be") if coded else "&")
        start = shift.end()
    pieces.append(name[start:].decode("ascii"))
    return "".join(pieces)
