"""What another server says to a client that is handed through: only where its answers end, so that
a goodbye of ours never falls into one; and the capabilities that it may be offered. Pure.
"""

from __future__ import annotations

import re

from mailhub.imap.framing import LITERAL_SPAN

_LITERAL = re.compile(rb"\{([0-9]{1,19})\}\r?\Z")
_NOT_AFTER_LOGIN = re.compile(rb"STARTTLS|LOGINDISABLED|SASL-IR|AUTH=.*", re.I)


def offered(capabilities: bytes) -> bytes:
    """What of another server's list makes sense behind a login."""
    names = capabilities.split()
    return b" ".join(name for name in names if not _NOT_AFTER_LOGIN.fullmatch(name))


class Answers:
    """Follows lines and literals; keeps a few octets. `said_bye`: it announced to hang up."""

    __slots__ = ("_head", "_inside", "_left", "_tail", "said_bye")

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._left = 0
        self._inside = False
        """The answer goes on behind a literal."""
        self.said_bye = False

    @property
    def between(self) -> bool:
        """Whether the last answer has ended."""
        return not (self._left or self._inside or self._tail)

    def receive(self, data: bytes) -> None:
        """Octets of the other server, in order."""
        at = 0
        while at < len(data):
            if self._left:
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end
            if not self._inside and len(self._head) < 5:
                self._head += data[at : min(stop, at + 5)]
            self._tail = self._tail[-LITERAL_SPAN:] + data[max(at, stop - LITERAL_SPAN) : stop]
            if end < 0:
                return
            self._line()
            at = end + 1

    def _line(self) -> None:
        """A line has ended."""
        if not self._inside and self._head[:5].upper() == b"* BYE":
            self.said_bye = True
        found = _LITERAL.search(self._tail)
        self._left = int(found[1]) if found is not None else 0
        self._inside = found is not None
        self._head = self._tail = b""
