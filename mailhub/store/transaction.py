"""What a unit of work has in its hands: the cursor, the hour, and what it wants to tell.

A `Transaction` spans one commit, which may hold many works. It buffers what every work adds
(journal rows, changes for watchers, bytes that came alive or died in segments), so that it is
written once a commit. It runs no statement of its own but in `finish`.
"""

from __future__ import annotations

from typing import Any

from mailhub.model.change import Actor, Change
from mailhub.model.errors import NotFound
from mailhub.store.sql import Cursor, Rows, put_rows

Mark = tuple[int, ...]


class Transaction:
    """One commit in the making.

    `now`: epoch seconds. `quota`: bytes an account may keep where it has no limit of its own,
    0 for none. `journal_number`: the last one that was given out.
    """

    __slots__ = (
        "_journal",
        "changes",
        "cursor",
        "execute",
        "freed",
        "journal_number",
        "left",
        "now",
        "placed",
        "purged",
        "quota",
    )

    def __init__(self, cursor: Cursor, now: int, quota: int, journal_number: int) -> None:
        self.cursor = cursor
        self.execute = cursor.execute
        self.now = now
        self.quota = quota
        self.journal_number = journal_number
        self.changes: list[Change] = []
        self.freed = 0
        """Bytes in segments that nothing refers to any more."""
        self.placed: list[tuple[int, int]] = []
        """(account, segment) of bodies that new rows refer to; account 0: rows of the queue."""
        self.left: list[int] = []
        """Segments of bodies that rows referred to which went."""
        self.purged: list[int] = []
        """Accounts that went for good."""
        self._journal: list[tuple[object, ...]] = []

    def journal(
        self,
        kind: str,
        actor: Actor,
        account: int | None = None,
        mailbox: int | None = None,
        modseq: int = 0,
        uids: str = "",
        detail: str = "",
    ) -> int:
        """Notes a row for the journal and returns its number."""
        self.journal_number += 1
        self._journal.append(
            (
                self.journal_number,
                self.now,
                account,
                mailbox,
                kind,
                modseq,
                uids,
                actor.account,
                actor.source,
                detail,
            )
        )
        return self.journal_number

    def tell(self, change: Change) -> None:
        """Watchers hear `change` after the commit."""
        self.changes.append(change)

    def mark(self) -> Mark:
        """Where the buffers stand, for `rewind` when a work fails."""
        return (self.freed, len(self._journal), *map(len, self._heard))

    @property
    def _heard(self) -> tuple[list[Any], ...]:
        return self.changes, self.placed, self.left, self.purged

    def rewind(self, mark: Mark) -> None:
        """Forgets what was buffered since `mark`."""
        self.freed, journal, *lengths = mark
        self.journal_number -= len(self._journal) - journal
        del self._journal[journal:]
        for one, length in zip(self._heard, lengths, strict=True):
            del one[length:]

    def finish(self) -> None:
        """Writes the buffers: the last statements before the commit."""
        if self._journal:
            put_rows(
                self.cursor,
                "INSERT INTO journal (number, at, account, mailbox, kind, modseq, uids, actor,"
                " source, detail) VALUES",
                self._journal,
            )


def found(rows: Rows, what: str) -> None:
    """Raises NotFound unless the statement changed a row."""
    if rows.rowcount == 0:
        raise NotFound(f"No such {what}")
