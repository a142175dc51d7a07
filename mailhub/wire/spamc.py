"""What is said to SpamAssassin's daemon, and what it answers: SPAMC/1.5, as spamd's own
`PROTOCOL` document has it.

Pure bytes; a connection carries one message.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mailhub.model.errors import Invalid

ANSWER = 64 * 1024
"""Octets of an answer: a verdict and names of rules."""
_STATUS = re.compile(rb"SPAMD/\d{1,3}(?:\.\d{1,3})? (\d{1,3}) ([^\r\n]{0,200})")
_SPAM = re.compile(rb"(True|Yes|False|No)\s*;\s*(-?\d[\d.]{0,20})\s*/\s*(-?\d[\d.]{0,20})", re.I)
_TEST = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` against `needed`, and the rules that matched. `error`: why nothing can be said."""

    spam: bool = False
    score: float = 0.0
    needed: float = 0.0
    tests: tuple[str, ...] = ()
    error: str = ""


def question(size: int, user: str = "") -> bytes:
    """What goes before a message of `size` octets; the answer names the rules that match. `user`:
    whose rules apply; empty: the daemon's own. Raises Invalid for what no user can be called."""
    if any(mark <= " " or mark > "~" for mark in user):
        raise Invalid("Not the name of a user", "user")
    whose = f"User: {user}\r\n" if user else ""
    return f"SYMBOLS SPAMC/1.5\r\nContent-length: {size}\r\n{whose}\r\n".encode()


class Reading:
    """Collects an answer that comes in any pieces."""

    def __init__(self) -> None:
        self._text = bytearray()

    def feed(self, data: bytes) -> Verdict | None:
        """The verdict once it is whole; no data: the daemon said all and closed. Raises Invalid
        for what is none."""
        self._text += data
        if len(self._text) > ANSWER:
            raise Invalid("The answer is too long")
        head, end, body = bytes(self._text).partition(b"\r\n\r\n")
        if not end:
            if not data:
                raise Invalid("The answer ends too early")
            return None
        status, *lines = head.split(b"\r\n")
        fields = _fields(lines)
        size = _size(fields)
        if size is not None and len(body) < size:
            if not data:
                raise Invalid("The answer ends too early")
            return None
        if size is None and data:
            return None
        return _verdict(status, fields, body[:size])


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    found = (line.partition(b":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in found}


def _size(fields: dict[bytes, bytes]) -> int | None:
    value = fields.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit() or len(value) > 9:
        raise Invalid("The answer has no valid length")
    return int(value)


def _verdict(status: bytes, fields: dict[bytes, bytes], body: bytes) -> Verdict:
    found = _STATUS.fullmatch(status)
    if found is None:
        raise Invalid("This is no answer of spamd")
    if int(found[1]):
        return Verdict(error=found[2].decode("ascii", "replace"))
    spam = _SPAM.fullmatch(fields.get(b"spam", b""))
    if spam is None:
        raise Invalid("The answer has no verdict")
    return Verdict(
        spam[1].lower() in (b"true", b"yes"),
        _number(spam[2]),
        _number(spam[3]),
        tuple(_TEST.findall(body.decode("ascii", "replace"))),
    )


def _number(text: bytes) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid("The answer has no number")
    return number
