"""Reads the bytes of many messages in bounded portions, the next one while the last is used.

Search and every face that shows messages read through here, so that a session's memory does not
grow with the mailbox. A message larger than `LARGE` is never handed out whole: its reader asks
for ranges, and only one such message at a time is in memory where its structure must be found.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from mailhub.core.turns import Turns, run
from mailhub.model.message import BlobRef, Content
from mailhub.model.uids import UidSet
from mailhub.ports import Body, Buffer, Clock, Storage
from mailhub.wire import mime

PORTION = 256 * 1024
"""Bytes read in one hop."""
LARGE = 1024 * 1024
"""Bytes of one message past which it comes in ranges only."""
CHUNK = 500
"""Messages looked up at once."""
STRUCTURES = 16
"""Part trees of large messages kept: clients fetch a large attachment range by range."""
WAIT = 0.02
"""Seconds between two looks at whether the room for a large message is free."""

Result = TypeVar("Result")
Range = Callable[[Content], tuple[int, int]]
"""Which octets [start, stop) of a message are needed."""


@dataclass(slots=True)
class Piece:
    """Octets of a message from `start` on. `data` is None where they are more than `LARGE`."""

    content: Content
    start: int
    stop: int
    data: bytes | None


def length(content: Content) -> int:
    """Octets of a message."""
    return len(content.prefix) + content.blob.length


def whole(content: Content) -> tuple[int, int]:
    """All octets."""
    return 0, len(content.prefix) + content.blob.length


def header(content: Content) -> tuple[int, int]:
    """The header with its empty line."""
    return 0, content.header_length


class Reading:
    """Reads for the whole process."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self.structures: OrderedDict[tuple[int, int, int], mime.Part] = OrderedDict()
        """Of large messages, by account, mailbox and UID."""
        self._large_in_memory = False

    def pieces(self, account: int, mailbox: int, uids: Sequence[int], wanted: Range) -> Pieces:
        """The wanted octets of the messages `uids` (sorted) that exist, in that order."""
        return Pieces(self._storage, account, mailbox, uids, wanted)

    async def octets(self, content: Content, start: int, stop: int) -> bytes:
        """One range of one message, at most `LARGE` octets. Raises Corrupt, Unavailable."""
        assert stop - start <= LARGE, "a range of a message is bounded"
        ref = _blob_range(content, start, stop)
        blob = (await self._storage.blobs.read([ref]))[0] if ref.length else b""
        return content.prefix[start:stop] + blob

    @asynccontextmanager
    async def large(self, content: Content) -> Any:
        """All octets of a large message, for as long as the context lasts."""
        while self._large_in_memory:
            await self._clock.sleep(WAIT)
        self._large_in_memory = True
        try:
            data = bytearray()
            end = length(content)
            for start in range(0, end, LARGE):
                data += await self.octets(content, start, min(start + LARGE, end))
            yield data
        finally:
            self._large_in_memory = False

    async def structure(self, account: int, mailbox: int, content: Content) -> mime.Part:
        """Where the parts of a large message lie. Its octets pass through a file, not memory.
        Raises Corrupt, StorageFull, Unavailable."""
        key = account, mailbox, content.uid
        known = self.structures.get(key)
        if known is not None:
            self.structures.move_to_end(key)
            return known
        body = await self._spooled(content)
        try:
            part = await self.scanned(body.view())
        finally:
            body.close()
        self.structures[key] = part
        if len(self.structures) > STRUCTURES:
            self.structures.popitem(last=False)
        return part

    async def _spooled(self, content: Content) -> Body:
        """The message's octets in a file; the caller closes it."""
        spool = self._storage.spools.open()
        try:
            end, step = length(content), min(PORTION, LARGE)
            for start in range(0, end, step):
                spool.write(await self.octets(content, start, min(start + step, end)))
            return spool.finish()
        except BaseException:
            spool.abort()
            raise

    async def scanned(self, data: Buffer) -> mime.Part:
        """The part tree of `data`, found in turns with others."""
        return await self.run(mime.scanning(data))

    async def run(self, work: Generator[None, None, Result]) -> Result:
        """Runs sliced work in turns with others."""
        return await run(work, Turns(self._clock))


class Pieces:
    """What `Reading.pieces` gives: portion after portion. The owner calls `close` on every path."""

    def __init__(
        self, storage: Storage, account: int, mailbox: int, uids: Sequence[int], wanted: Range
    ) -> None:
        self._storage = storage
        self._account = account
        self._mailbox = mailbox
        self._wanted = wanted
        self._chunks: Iterator[Sequence[int]] = (
            uids[at : at + CHUNK] for at in range(0, len(uids), CHUNK)
        )
        self._lookup: Awaitable[Sequence[Content]] | None = None
        self._contents: deque[Content] = deque()
        self._reads: tuple[list[Piece], Awaitable[Sequence[bytes]] | None] | None = None

    async def next(self) -> list[Piece]:
        """The next portion; empty at the end. Raises Corrupt, Unavailable."""
        while self._reads is None:
            if not self._contents and not await self._look_up():
                return []
            self._begin()
        (pieces, reading), self._reads = self._reads, None
        if reading is not None:
            _fill(pieces, await reading)
        if self._contents:
            self._begin()
        return pieces

    def close(self) -> None:
        """Gives up what is being read ahead."""
        lookup, self._lookup = self._lookup, None
        reads, self._reads = self._reads, None
        self._contents.clear()
        abandon(lookup)
        if reads is not None:
            abandon(reads[1])

    async def _look_up(self) -> bool:
        """The next chunk's places; begins to look up the one after it. False at the end."""
        lookup = self._lookup or self._ask()
        if lookup is None:
            return False
        self._lookup = None
        self._contents.extend(await lookup)
        self._lookup = self._ask()
        return True

    def _ask(self) -> Awaitable[Sequence[Content]] | None:
        chunk = next(self._chunks, None)
        if chunk is None:
            return None
        uids = UidSet.from_sorted(chunk)
        return self._storage.messages.contents(self._account, self._mailbox, uids)

    def _begin(self) -> None:
        """Begins to read as many messages as make a portion."""
        pieces: list[Piece] = []
        refs: list[BlobRef] = []
        room = PORTION
        contents, wanted = self._contents, self._wanted
        while contents and room > 0:
            content = contents[0]
            start, stop = wanted(content)
            size = stop - start
            if pieces and LARGE >= size > room:
                break
            contents.popleft()
            if size > LARGE:
                pieces.append(Piece(content, start, stop, None))
                continue
            room -= size
            pieces.append(Piece(content, start, stop, content.prefix[start:stop]))
            ref = _blob_range(content, start, stop)
            if ref.length:
                refs.append(ref)
        self._reads = pieces, self._storage.blobs.read(refs) if refs else None


def _blob_range(content: Content, start: int, stop: int) -> BlobRef:
    """The part of [start, stop) that lies in the blob and not in the prefix."""
    blob = content.blob
    shift = len(content.prefix)
    first = start - shift if start > shift else 0
    last = stop - shift if stop > shift else 0
    if first == 0 and last == blob.length:
        return blob
    return BlobRef(blob.segment, blob.offset + first, last - first if last > first else 0)


def _fill(pieces: Sequence[Piece], blobs: Sequence[bytes]) -> None:
    """Puts what was read behind what came of the prefixes."""
    read = iter(blobs)
    for piece in pieces:
        if piece.data is not None and piece.stop > max(piece.start, len(piece.content.prefix)):
            piece.data += next(read)


def abandon(awaited: Any) -> None:
    """Forgets an awaitable that was begun: a failure in it is nobody's any more."""
    if awaited is None:
        return
    if hasattr(awaited, "addErrback"):
        awaited.addErrback(_ignore)
    elif hasattr(awaited, "close"):
        awaited.close()


def _ignore(_: object) -> None:
    """Takes a failure."""
