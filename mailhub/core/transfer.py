"""Mail moved in bulk: taken in without doubles, and read out in order.

A message is taken in under a key made from what it is and where it goes; the store accepts each
key once, in the commit that stores the message. So an import that was cut off at any instant can
simply be run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Arrival, Copy
from mailhub.model.uids import UidSet
from mailhub.ports import Body, Clock, Storage

MOST_BYTES = 8 << 20
"""Bytes of message bodies read at once, unless one alone is larger."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as an export sees it. `date`: INTERNALDATE in epoch seconds; `size`: bytes."""

    uid: int
    flags: tuple[str, ...]
    date: int
    size: int


class Transfers:
    """Imports and exports of one account's mailboxes."""

    def __init__(
        self, storage: Storage, mailboxes: Mailboxes, messages: Messages, clock: Clock
    ) -> None:
        self._storage = storage
        self._mailboxes = mailboxes
        self._messages = messages
        self._clock = clock

    async def mailbox(self, account: int, name: str, actor: Actor) -> Mailbox:
        """The mailbox called `name`, made when it is not there. Raises Invalid, LimitReached."""
        try:
            return await self._mailboxes.get(account, name)
        except NotFound:
            pass
        try:
            return await self._mailboxes.create(account, name, actor)
        except AlreadyExists:
            return await self._mailboxes.get(account, name)

    async def take(
        self,
        mailbox: Mailbox,
        body: Body,
        flags: Flags,
        date: int | None,
        occurrence: int,
        actor: Actor,
    ) -> Arrival:
        """Stores a message unless an import stored it before; then returns where that went.

        `occurrence`: 0 for the first message with these bytes in the source's mailbox, 1 for the
        next: a source that holds a message twice is copied as it is. Raises OverQuota, NotFound,
        StorageFull, Unavailable.
        """
        internaldate = int(self._clock.now()) if date is None else date
        copy = Copy(mailbox.account, mailbox.number, b"", flags, internaldate)
        key = import_key(mailbox, body.digest, occurrence)
        kept = await self._messages.kept(mailbox.account, body, flags)
        try:
            rendered = await self._messages.render(kept)
            arrivals = await self._storage.messages.deliver(
                key, kept, rendered, [copy], None, [], actor
            )
        finally:
            if kept is not body:
                kept.close()
        return arrivals[0]

    async def listing(self, mailbox: Mailbox, after: int = 0) -> Sequence[Listed]:
        """Every message with UID > after, in UID order."""
        index = await self._storage.messages.index(mailbox.account, mailbox.number)
        found = []
        for uid, code, date, size in zip(
            index.uids, index.flags, index.dates, index.sizes, strict=True
        ):
            if uid > after:
                keywords = index.keyword_sets.get(code >> 8, ())
                names = Flags(code & SYSTEM_BITS, keywords).names()
                found.append(Listed(uid, names, date, size))
        return found

    async def read(self, mailbox: Mailbox, uids: Sequence[int]) -> Sequence[tuple[int, bytes]]:
        """(uid, bytes) of those that still exist, in UID order. The caller bounds their sum;
        see `batches`."""
        contents = await self._storage.messages.contents(
            mailbox.account, mailbox.number, UidSet.from_any(uids)
        )
        blobs = await self._storage.blobs.read([content.blob for content in contents])
        return [
            (content.uid, content.prefix + blob)
            for content, blob in zip(contents, blobs, strict=True)
        ]


def import_key(mailbox: Mailbox, digest: bytes, occurrence: int) -> str:
    """The transaction id of an imported message: the same for the same message and place."""
    text = f"{mailbox.account}/{mailbox.id}/{digest.hex()}/{occurrence}"
    return "import-" + hashlib.sha256(text.encode()).hexdigest()[:48]


def batches(messages: Sequence[Listed]) -> Sequence[Sequence[Listed]]:
    """Runs of messages whose sizes stay within MOST_BYTES."""
    runs: list[list[Listed]] = []
    size = MOST_BYTES
    for message in messages:
        if size + message.size > MOST_BYTES:
            runs.append([])
            size = 0
        runs[-1].append(message)
        size += message.size
    return runs
