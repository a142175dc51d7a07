"""A 7-bit copy of a message, for the rare server that takes nothing else.

Both the original and the copy lie in unnamed temporary files while they are worked on, so memory
stays bounded; what is converted to what is `wire.downgrade`'s.
"""

from __future__ import annotations

import mmap
import tempfile
from typing import IO

from mailhub.ports import Clock, Message
from mailhub.smtp.sender.content import PIECE
from mailhub.wire.downgrade import seven_bit

TURN = 0.003
"""Seconds of work after which others run."""


class Copy:
    """`ports.Message` in a temporary file, which goes when nobody reads it any more."""

    plain = False

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    async def read(self, start: int, stop: int) -> bytes:
        """Octets of it."""
        self._file.seek(start)
        return self._file.read(stop - start)


async def converted(message: Message, clock: Clock) -> Message:
    """The copy. Raises Unsupported where there can be none, Corrupt, Unavailable."""
    if not message.size:
        return message
    with tempfile.TemporaryFile() as original:
        for start in range(0, message.size, PIECE):
            original.write(await message.read(start, min(start + PIECE, message.size)))
        original.flush()
        with mmap.mmap(original.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                return await _convert(view, clock)
            finally:
                view.release()


async def _convert(view: memoryview, clock: Clock) -> Copy:
    # Not in a `with`: the copy owns it.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    size = 0
    began = clock.seconds()
    try:
        for piece in seven_bit(view):
            size += file.write(piece)
            if clock.seconds() - began > TURN:
                await clock.pause()
                began = clock.seconds()
    except BaseException:
        file.close()
        raise
    return Copy(file, size)
