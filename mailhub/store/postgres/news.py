"""What was committed, told to every process that shares the database: rows of `news`.

Each commit that changed anything writes one row, numbered without gaps in the order of commits. A
process hears of others' rows in two ways: its own commits read what came before them, and between
them a follower looks. Both lead to one `Bulletin`, which tells each commit once and in order. Rows
stay for some minutes: who was away for longer, finds a gap and is told that it `Missed` something.

A database may also go back: a standby that had not got everything takes over, and numbers are given
anew. So a place among the commits is a number and what its row said, and who connects again looks
whether that row is still there. If not, another era begins, and all was missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from twisted.logger import Logger

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
_NEWEST = "SELECT number, node, at, changes FROM news ORDER BY number DESC LIMIT 1"
_AT = "SELECT number, node, at, changes FROM news WHERE number = :number"
_AFTER = (
    "SELECT number, node, at, changes FROM news WHERE number > :after ORDER BY number LIMIT :most"
)
_WRITE = "INSERT INTO news (number, node, at, changes) VALUES (:number, :node, :at, :changes)"
_OLD = """
    SELECT max(number) FROM
        (SELECT number, at FROM news ORDER BY number LIMIT :step) AS oldest WHERE at < :before
"""
_DROP = "DELETE FROM news WHERE number <= :last AND number < (SELECT max(number) FROM news)"


_Row = tuple[int, str, int, str]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A commit. era: how often the database was seen to have gone back. mark: what its row says, as
    a number of this process; 0 for no row."""

    era: int
    number: int
    mark: int = field(default=0, compare=False)


NOWHERE = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Issue:
    """One commit's changes. The first of an era has none: what there were is not known."""

    place: Place
    changes: Sequence[Change]


def newest(cursor: Cursor, era: int = 0) -> Place:
    """The last commit."""
    row = cursor.execute(_NEWEST, {}).fetchone()
    return _place(row, era) if row is not None else Place(era, 0)


def after(cursor: Cursor, last: Place, doubted: bool = False, most: int = STEP) -> Sequence[Issue]:
    """The commits that came after this one, at most so many. `doubted`: looks whether it is still
    there, and begins with another era where it is not."""
    here = confirmed(cursor, last) if doubted else last
    if here != last:
        return [Issue(here, ())]
    return _issues(cursor.execute(_AFTER, {"after": last.number, "most": most}).fetchall(), last)


def confirmed(cursor: Cursor, known: Place) -> Place:
    """The place, if the database knows it, too; else its last commit, as one of the next era."""
    if not known.number:
        return known
    row = cursor.execute(_AT, {"number": known.number}).fetchone()
    if row is not None and _place(row, known.era).mark == known.mark:
        return known
    return newest(cursor, known.era + 1)


def purge(tx: Transaction) -> bool:
    """Drops rows that are old; whether there may be more of them. The newest stays: it says where
    the numbers are."""
    old = number(tx.cursor, _OLD, {"step": STEP, "before": tx.now - KEEP})
    if not old:
        return False
    return tx.execute(_DROP, {"last": old}).rowcount == STEP


def _place(row: _Row, era: int) -> Place:
    return Place(era, row[0], hash(row[1:]))


def _issues(rows: Sequence[_Row], last: Place) -> list[Issue]:
    return [Issue(_place(row, last.era), changetext.read(row[3])) for row in rows]


class Ledger:
    """A process's commits among those of all: for the thread that writes.

    `node`: its name. `told`: the last commit that its watchers were told of.
    """

    def __init__(self, node: str, told: Callable[[], Place]) -> None:
        self._node = node
        self._told = told
        self._last = NOWHERE
        """The last commit that was handed on."""
        self._journal: int | None = None
        """Where the journal stood after it: if it still does, nobody else wrote."""
        self._began = 0
        self._before: list[Issue] = []
        self._at = self._own = NOWHERE

    def begun(self, cursor: Cursor, journal: int) -> None:
        """Reads what was committed and not heard of yet. To be called while the journal is locked,
        with where it stands; once more where the transaction was rolled back."""
        self._began = journal
        self._before = []
        self._at = last = max(self._last, self._told())
        if journal == self._journal:
            return
        if self._journal is None:
            self._at = confirmed(cursor, last)
            if self._at != last:
                self._before = [Issue(self._at, ())]
                return
        rows = cursor.execute(_AFTER, {"after": last.number, "most": LATE}).fetchall()
        if len(rows) == LATE:
            self._at = newest(cursor, last.era)  # the gap says that something was missed
        elif rows:
            self._at = _place(rows[-1], last.era)
            self._before = _issues(rows, last)

    def written(self, cursor: Cursor, tx: Transaction) -> None:
        """Writes the row of this commit, if it changed anything that others must hear of. The
        journal goes on with each, which tells others that there is a row."""
        self._own = self._at
        if not tx.changes:
            return
        if tx.journal_number == self._began:
            tx.journal_number += 1
        row = (self._at.number + 1, self._node, tx.now, changetext.written(tx.changes))
        self._own = _place(row, self._at.era)
        names = ("number", "node", "at", "changes")
        cursor.execute(_WRITE, dict(zip(names, row, strict=True)))

    def ended(self, tx: Transaction) -> Sequence[Issue]:
        """The commit happened: what is to be told, in order."""
        self._journal = tx.journal_number
        self._last = self._own
        return [*self._before, Issue(self._own, tx.changes)] if tx.changes else self._before

    def undone(self) -> None:
        """The commit did not happen, or nobody knows; and the database may be another one next
        time."""
        self._journal = None


class Telling(Protocol):
    """What this asks of `watchers.Watchers`."""

    def tell(self, changes: Sequence[Change]) -> None: ...


class Bulletin:
    """Tells the watchers of this process of every commit, once and in order. The reactor's alone,
    but for `told`. `last`: the commit before the first that is to be told."""

    _log = Logger()

    def __init__(self, watchers: Telling, last: Place) -> None:
        self._watchers = watchers
        self.told = last
        """The last commit that was told."""

    def tell(self, issues: Sequence[Issue]) -> None:
        """Some commits, in order; those that were told are left out. Where another row than told
        stands under the number of the last one, the database went back while it was being read:
        what follows is read again from there."""
        for issue in issues:
            told, place = self.told, issue.place
            replaced = place == told and place.mark != told.mark
            if replaced:
                place = replace(place, era=place.era + 1)
            if place <= told:
                continue
            self.told = place
            back = place.era > told.era
            if back:
                self._log.warn(
                    "The database went back from commit {last} to another one's {now}: it lost"
                    " some. What was remembered of it is forgotten",
                    last=told.number,
                    now=place.number,
                )
            if back or place.number > told.number + 1:
                self._watchers.tell([Missed()])
            if replaced:
                return
            self._watchers.tell(issue.changes)
