"""Queued messages as bytes: read from the store when they are needed, never kept for long.

Small ones of a lease are read together, in one hop; of large ones each piece when it is sent.
What the bytes mean is not looked at here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from mailhub.model.message import BlobRef
from mailhub.model.queue import Loaded, QueueMessage
from mailhub.ports import Blobs, Departure, Message

SMALL = 128 * 1024
"""Octets of a message that is read whole."""
TOGETHER = 512 * 1024
"""Octets that are read in one go."""
KEPT = 1000
"""Messages whose prefix is kept: a kilobyte or two each."""


class Original:
    """`ports.Message` as it was taken. `data`: its bytes, where they are at hand."""

    def __init__(
        self, blobs: Blobs, blob: BlobRef, data: bytes | None = None, plain: bool = False
    ) -> None:
        self._blobs = blobs
        self._blob = blob
        self._data = data
        self.plain = plain

    @property
    def size(self) -> int:
        """Octets."""
        return self._blob.length

    async def read(self, start: int, stop: int) -> bytes:
        """See `ports.Message.read`."""
        if self._data is not None:
            return self._data[start:stop]
        stop = min(stop, self.size)
        if start >= stop:
            return b""
        blob = self._blob
        [data] = await self._blobs.read([BlobRef(blob.segment, blob.offset + start, stop - start)])
        return data


class Prefixed:
    """`ports.Message` with header fields before it."""

    def __init__(self, prefix: bytes, message: Message) -> None:
        self._prefix = prefix
        self._message = message

    @property
    def plain(self) -> bool:
        """See `ports.Message`: what is put before messages is header fields."""
        return self._message.plain

    @property
    def size(self) -> int:
        """Octets."""
        return len(self._prefix) + self._message.size

    async def read(self, start: int, stop: int) -> bytes:
        """See `ports.Message.read`."""
        head = self._prefix[start:stop]
        ahead = len(self._prefix)
        if stop <= ahead:
            return head
        rest = await self._message.read(max(0, start - ahead), stop - ahead)
        return head + rest if head else rest


class Prefixes:
    """What stands before messages when they leave; kept for the newest ones, as each recipient's
    domain has its own transaction."""

    def __init__(self, departure: Departure) -> None:
        self._departure = departure
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    async def of(self, queued: QueueMessage, message: Message) -> bytes:
        """See `ports.Departure.prefix`."""
        kept = self._kept.get(queued.number)
        if kept is not None:
            self._kept.move_to_end(queued.number)
            return kept
        made = self._kept[queued.number] = await self._departure.prefix(queued, message)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made


def originals(blobs: Blobs, loaded: Loaded) -> Mapping[int, Original]:
    """The messages' bytes by number; a damaged one raises Corrupt when it is read, so that the
    others are sent."""
    return {
        number: Original(blobs, message.blob, loaded.data.get(number), plain=number in loaded.plain)
        for number, message in loaded.messages.items()
    }
