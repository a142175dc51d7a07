"""What moving asks of the store that it reads and of the one that it fills."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from mailhub.model.message import BlobRef
from mailhub.store.batch import Bytes
from mailhub.store.sql import Cursor, Row
from mailhub.store.transaction import Transaction

Work = Callable[[Transaction, Sequence[BlobRef]], None]


class Source(Protocol):
    """A store that is read, while others may write to it."""

    collation: str
    """What is said behind a column so that texts are in the order of their bytes."""

    @property
    def connection(self) -> Cursor: ...

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        """Bodies. Raises Corrupt where any of them is not there, and what the driver raises."""
        ...

    def last_number(self) -> int:
        """The journal's last number that was given out."""
        ...

    def close(self) -> None:
        """After an error too: the next reading opens everything anew."""
        ...


class Target(Source, Protocol):
    """A store that nobody else has open."""

    def write(self, bodies: Sequence[Bytes], work: Work) -> Sequence[BlobRef]:
        """Carries out `work` in one commit with bodies that its rows may refer to, and says where
        they are; durable, or nothing of it is there. `work` may be run again where another
        transaction was in the way. Raises what went wrong."""
        ...

    def insert(
        self, tx: Transaction, table: str, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """In a commit: writes many rows."""
        ...

    def share(self, tx: Transaction, segments: Collection[int]) -> None:
        """In a commit: bodies that were there before belong to those as well who are named in
        `tx.placed`."""
        ...
