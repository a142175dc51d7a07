"""Ends of lines as mail on the way has them (RFC 5321 section 2.3.8), piece by piece."""

from __future__ import annotations

import re

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class LineEnds:
    """Makes CRLF of every CR and LF that stands alone. `eight`: octets beyond ASCII came."""

    def __init__(self) -> None:
        self._held = b""
        self.eight = False

    def feed(self, octets: bytes) -> bytes:
        """What is known of what came so far."""
        data, self._held = self._held + octets, b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        self.eight = self.eight or not data.isascii()
        if data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
            return data
        return _BARE.sub(b"\r\n", data)

    def finish(self) -> bytes:
        """The rest."""
        return b"\r\n" if self._held else b""
