"""Messages as octets: while they arrive, once they are complete, in the store, on their way out."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Sequence
from typing import Protocol

from mailhub.model.message import (
    BlobRef,
)
from mailhub.model.queue import (
    QueueMessage,
)

Buffer = bytes | bytearray | memoryview


class Body(Protocol):
    """A message's bytes, complete and immutable, not yet in the store.

    `digest`: SHA-256 of them; `hashed`: the same where it was made already. `plain`: see `Spool`.
    The owner calls `close` once on every path.
    """

    plain: bool

    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def hashed(self) -> bytes | None: ...
    def view(self) -> memoryview: ...
    def begin_with(self, head: bytes, skip: int) -> Generator[None, None, None]:
        """Puts `head` in place of the first `skip` octets, before anybody else has the body; yields
        between slices of work. `head` has at most `skip` octets and the spool's room. Raises
        StorageFull, Unavailable."""
        ...

    def close(self) -> None: ...


class Spool(Protocol):
    """Where a message's chunks go while they arrive; memory stays bounded at any size.

    `write` raises StorageFull. `finish` ends it and hands the bytes over; `abort` drops them.
    `plain`: set before `finish` by who saw that all ends of lines are CRLF, the last line has one,
    and none begins with a dot: such a message goes on by DATA as it is.
    """

    plain: bool

    @property
    def size(self) -> int: ...
    def write(self, chunk: Buffer) -> None: ...
    def finish(self) -> Body: ...
    def abort(self) -> None: ...


class Spools(Protocol):
    """Makes spools."""

    def open(self, head: bytes = b"", room: int = 0) -> Spool:
        """A new spool that starts with `head`. `room`: octets that `Body.begin_with` may add."""
        ...


class Blobs(Protocol):
    """The segments' bytes."""

    def read(self, refs: Sequence[BlobRef]) -> Awaitable[Sequence[bytes]]:
        """All of `refs` in one hop off the reactor. The caller bounds their sum. Raises Corrupt,
        Unavailable."""
        ...


class Message(Protocol):
    """A message to be sent, read piece by piece."""

    @property
    def plain(self) -> bool:
        """Whether it is known to be, as `Spool` has it."""
        ...

    @property
    def size(self) -> int:
        """Octets."""
        ...

    def read(self, start: int, stop: int) -> Awaitable[bytes]:
        """Raises Corrupt, Unavailable."""
        ...


class Departure(Protocol):
    """What is put before a message when it leaves: signatures, and seals of forwarded mail."""

    def prefix(self, queued: QueueMessage, message: Message) -> Awaitable[bytes]:
        """Whole header fields with their CRLF, or nothing. `message`: the bytes as stored;
        `queued.sender.account`: whose submission it is, None for what is passed on.

        Asked once for a message while it is known; the caller keeps the answer. Raises
        Unavailable, Corrupt: the message waits.
        """
        ...
