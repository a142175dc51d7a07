"""Octets of messages, copied in turns with others: out of a spool, and from the store into one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mailhub.core.reading import Reading, length
from mailhub.core.turns import Turns
from mailhub.model.errors import NotFound
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Content
from mailhub.model.uids import UidSet
from mailhub.ports import Body, Clock, Storage

PIECE = 64 * 1024


def one(uid: int) -> UidSet:
    """A single message."""
    return UidSet(((uid, uid),))


async def octets(body: Body, clock: Clock) -> AsyncIterator[bytes]:
    """All of a message, in pieces."""
    view, turns = body.view(), Turns(clock)
    for at in range(0, body.size, PIECE):
        yield bytes(view[at : at + PIECE])
        await turns.rest()


async def has_eight(body: Body, clock: Clock) -> bool:
    """Whether there are octets beyond ASCII in it (RFC 6152)."""
    async for piece in octets(body, clock):
        if not piece.isascii():
            return True
    return False


async def content_of(storage: Storage, box: Mailbox, uid: int) -> Content:
    """Where a message lies. Raises NotFound."""
    for content in await storage.messages.contents(box.account, box.number, one(uid)):
        return content
    raise NotFound("This message does not exist")


async def stored(
    storage: Storage, reading: Reading, content: Content, begin: bytes, start: int
) -> Body:
    """A copy of a stored message from `start` on, with `begin` before it; the caller closes it.

    Raises StorageFull, Corrupt, Unavailable.
    """
    spool = storage.spools.open(begin)
    try:
        end = length(content)
        for at in range(start, end, PIECE):
            spool.write(await reading.octets(content, at, min(at + PIECE, end)))
        return spool.finish()
    except BaseException:
        spool.abort()
        raise
