"""Questions one behind the other in a stream (RFC 1035 4.2.2, RFC 7766). Pure: bytes in, packets
out."""

from __future__ import annotations

from mailhub.model.errors import TooLarge

LARGEST = 4096
"""Octets of a question; the longest name with all that goes beside it needs a tenth of that."""
_PREFIX = 2


class Framing:
    """What came of one connection and is not whole yet."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def receive(self, data: bytes) -> list[bytes]:
        """The packets that are whole now. Raises TooLarge for what cannot be a question."""
        data = self._held + data
        at, found = 0, []
        while len(data) - at >= _PREFIX:
            size = int.from_bytes(data[at : at + _PREFIX])
            if size > LARGEST:
                raise TooLarge("No question is that long", LARGEST)
            if len(data) - at - _PREFIX < size:
                break
            at += _PREFIX
            found.append(data[at : at + size])
            at += size
        self._held = data[at:]
        return found


def framed(packet: bytes) -> bytes:
    """A packet as it is sent in a stream."""
    return len(packet).to_bytes(_PREFIX) + packet
