"""What the store is asked to take in: messages whose bytes stand in a segment already, and where
each of them goes. Carried out in `arrivals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.change import Actor
from mailhub.model.decision import Once
from mailhub.model.flags import Flags
from mailhub.model.message import BlobRef, Note, Rendered
from mailhub.model.queue import Onward, QueueSender


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that stand in a segment: written, not yet referred to. `digest`: their SHA-256.
    `view`: they themselves, as long as the commit lasts. `plain`: as `ports.Spool`'s."""

    ref: BlobRef
    digest: bytes
    view: memoryview
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One message on its way into one mailbox (None: the INBOX)."""

    account: int
    mailbox: int | None
    blob: Blob
    rendered: Rendered
    prefix: bytes
    flags: Flags
    internaldate: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message with the recipients that it waits for. `once`: where the account did that already,
    it is left out."""

    blob: Blob
    sender: QueueSender
    onward: Sequence[Onward]
    account: int = 0
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What one call wants done, together or not at all.

    `token`: unique per hand-over, empty for none. `marks`: what accounts did with it. `notes`:
    further rows for the journal. `again`: it may come once more, and is carried out once.
    """

    entries: Sequence[Entry]
    actor: Actor
    token: str = ""
    outgoing: Sequence[Leaving] = ()
    marks: Sequence[tuple[int, Once]] = ()
    notes: Sequence[Note] = ()
    again: bool = True
