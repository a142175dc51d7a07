"""A stored message with another header: its parts stay byte for byte what their program made."""

from __future__ import annotations

from mailhub.core import submission, trace
from mailhub.core.composing import Draft
from mailhub.core.octets import content_of, stored
from mailhub.core.reading import Reading
from mailhub.model.errors import TooLarge
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body, Clock, Storage
from mailhub.wire import composed, header
from mailhub.wire.composed import Letter
from mailhub.wire.lineends import LineEnds

WRITTEN = frozenset(
    {b"date", b"from", b"sender", b"to", b"cc", b"bcc", b"subject", b"message-id"}
    | {submission.PRIVATE}
)
"""Fields that are written anew."""
OURS = ("message-id", submission.PRIVATE.decode())


class Rewriting:
    """For the whole process."""

    def __init__(self, storage: Storage, reading: Reading, clock: Clock) -> None:
        self._storage = storage
        self._reading = reading
        self._clock = clock

    async def headed(self, draft: Draft, box: Mailbox, uid: int) -> Body:
        """The message with the draft's people and subject; the caller closes it. Raises NotFound,
        Invalid, TooLarge, StorageFull, Unavailable."""
        content = await content_of(self._storage, box, uid)
        size = content.header_length
        if size > submission.HEADER_LIMIT:
            raise TooLarge("The header is too large", submission.HEADER_LIMIT)
        letter = Letter(
            sender=draft.sender,
            date=trace.date(int(self._clock.now())),
            message_id="",
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            subject=draft.subject,
            fields=[one for one in draft.fields if one[0].lower() in OURS],
        )
        block = await self._reading.octets(content, 0, size)
        rest = LineEnds().feed(header.select_fields(block, WRITTEN, negate=True))
        return await stored(
            self._storage, self._reading, content, composed.head(letter) + rest, size
        )
