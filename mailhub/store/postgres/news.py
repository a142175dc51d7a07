"""What was committed, told to every process that shares the database: rows of `news`.

Each commit that changed anything writes one row, numbered without gaps in the order of commits. A
process hears of others' rows in two ways: its own commits read what came before them, and between
them a follower looks. Both lead to one `Bulletin`, which tells each commit once and in order. Rows
stay for some minutes: who was away for longer, finds a gap and is told that it `Missed` something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.change import Change, Missed
from mailhub.store.postgres import changetext
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction

TABLE = """
    CREATE TABLE news (
        number INTEGER PRIMARY KEY,
        node TEXT NOT NULL,
        at BIGINT NOT NULL,
        changes TEXT NOT NULL
    )
"""
"""number: from 1. node: who committed. at: epoch seconds. changes: see `changetext`."""
KEEP = 300
"""Seconds that a row stays, at least."""
STEP = 500
"""Rows that are read, or dropped, at once."""
LATE = 5000
"""Commits up to which who commits reads what it has not heard: it holds up all others meanwhile."""
_NEWEST = "SELECT max(number) FROM news"
_AFTER = "SELECT number, changes FROM news WHERE number > :after ORDER BY number LIMIT :most"
_WRITE = "INSERT INTO news (number, node, at, changes) VALUES (:number, :node, :at, :changes)"
_OLD = """
    SELECT max(number) FROM
        (SELECT number, at FROM news ORDER BY number LIMIT :step) AS oldest WHERE at < :before
"""
_DROP = "DELETE FROM news WHERE number <= :last AND number < (SELECT max(number) FROM news)"


@dataclass(frozen=True, slots=True)
class Issue:
    """One commit's changes."""

    number: int
    changes: Sequence[Change]


def newest(cursor: Cursor) -> int:
    """The number of the last commit; 0 for none."""
    return number(cursor, _NEWEST, {})


def after(cursor: Cursor, last: int, most: int = STEP) -> Sequence[Issue]:
    """The commits that came after this one, at most so many."""
    return _issues(cursor.execute(_AFTER, {"after": last, "most": most}).fetchall())


def purge(tx: Transaction) -> bool:
    """Drops rows that are old; whether there may be more of them. The newest stays: it says where
    the numbers are."""
    old = number(tx.cursor, _OLD, {"step": STEP, "before": tx.now - KEEP})
    if not old:
        return False
    return tx.execute(_DROP, {"last": old}).rowcount == STEP


def _issues(rows: Sequence[tuple[int, str]]) -> list[Issue]:
    return [Issue(at, changetext.read(text)) for at, text in rows]


class Ledger:
    """A process's commits among those of all: for the thread that writes.

    `node`: its name. `told`: the last commit that its watchers were told of.
    """

    def __init__(self, node: str, told: Callable[[], int]) -> None:
        self._node = node
        self._told = told
        self._last = 0
        """The last commit that was handed on."""
        self._journal: int | None = None
        """Where the journal stood after it: if it still does, nobody else wrote."""
        self._began = 0
        self._before: list[tuple[int, str]] = []
        self._number = 0

    def begun(self, cursor: Cursor, journal: int) -> None:
        """Reads what was committed and not heard of yet. To be called while the journal is locked,
        with where it stands; once more where the transaction was rolled back."""
        self._began = journal
        self._before = []
        self._number = max(self._last, self._told())
        if journal == self._journal:
            return
        rows = cursor.execute(_AFTER, {"after": self._number, "most": LATE}).fetchall()
        if len(rows) == LATE:
            self._number = newest(cursor)  # the gap says that something was missed
        elif rows:
            self._number = rows[-1][0]
            self._before = rows

    def written(self, cursor: Cursor, tx: Transaction) -> None:
        """Writes the row of this commit, if it changed anything that others must hear of. The
        journal goes on with each, which tells others that there is a row."""
        if not tx.changes:
            return
        if tx.journal_number == self._began:
            tx.journal_number += 1
        text = changetext.written(tx.changes)
        row = {"number": self._number + 1, "node": self._node, "at": tx.now, "changes": text}
        cursor.execute(_WRITE, row)

    def ended(self, tx: Transaction) -> Sequence[Issue]:
        """The commit happened: what is to be told, in order."""
        self._journal = tx.journal_number
        issues = _issues(self._before)
        self._last = self._number
        if tx.changes:
            self._last += 1
            issues.append(Issue(self._last, tx.changes))
        return issues

    def undone(self) -> None:
        """The commit did not happen, or nobody knows."""
        self._journal = None


class Telling(Protocol):
    """What this asks of `watchers.Watchers`."""

    def tell(self, changes: Sequence[Change]) -> None: ...


class Bulletin:
    """Tells the watchers of this process of every commit, once and in order. The reactor's alone,
    but for `told`. `last`: the commit before the first that is to be told."""

    def __init__(self, watchers: Telling, last: int) -> None:
        self._watchers = watchers
        self.told = last
        """The last commit that was told."""

    def tell(self, issues: Sequence[Issue]) -> None:
        """Some commits, in order; those that were told are left out."""
        for issue in issues:
            if issue.number <= self.told:
                continue
            gap = issue.number > self.told + 1
            self.told = issue.number
            if gap:
                self._watchers.tell([Missed()])
            self._watchers.tell(issue.changes)
