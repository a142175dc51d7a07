"""DEFLATE both ways (RFC 4978), sans-io, with bounded memory and bounded work a step.

The window for what is sent is small: 64 KiB a connection in all, where zlib's defaults take 256.
Of what arrives no more is unpacked at a time than the caller asks for, so a few octets that
unpack to gigabytes cost their sender's bandwidth and nobody's memory.
"""

from __future__ import annotations

import zlib

from mailhub.model.errors import Invalid

LEVEL = 6
WINDOW = 13
MEMORY = 6
PEER_WINDOW = 15
"""What the peer may use: the largest there is."""


class Deflate:
    """One connection's two streams."""

    __slots__ = ("_pack", "_unpack", "_waiting")

    def __init__(self) -> None:
        self._pack = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW, MEMORY)
        self._unpack = zlib.decompressobj(-PEER_WINDOW)
        self._waiting = b""

    def pack(self, data: bytes) -> bytes:
        """`data` for the peer, complete: it can read all of it."""
        return self._pack.compress(data) + self._pack.flush(zlib.Z_SYNC_FLUSH)

    def receive(self, data: bytes) -> None:
        """Takes packed octets from the peer."""
        self._waiting += data

    @property
    def waiting(self) -> int:
        """Packed octets that were not looked at."""
        return len(self._waiting)

    def unpacked(self, limit: int) -> bytes:
        """The next octets, at most `limit`; empty when more must arrive first. Raises Invalid for
        what is not DEFLATE, and for anything behind the stream's end."""
        try:
            data = self._unpack.decompress(self._waiting, limit)
        except zlib.error:
            raise Invalid("The compressed data is damaged") from None
        self._waiting = self._unpack.unconsumed_tail
        if self._unpack.eof:
            raise Invalid("The compressed data has ended")
        return data
