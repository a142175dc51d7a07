"""FETCH items that stand in arrays or were rendered at delivery: whole columns at a time.

A slice of messages becomes one list of lines by one format operation per message; no item is
looked at message by message. What needs message bytes is in `fetch_sections`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.core.reading import abandon
from mailhub.core.selected_view import Rows, SelectedView
from mailhub.imap.grammar import spelling
from mailhub.imap.grammar.values import Attribute
from mailhub.imap.session import Session
from mailhub.model.uids import UidSet

Marks = Sequence[tuple[int, str, str, int, str]]


@dataclass(slots=True)
class Slice:
    """Some messages and what the store said of them. `loaded`: by the name of the store's
    method, one row per message and in their order."""

    view: SelectedView
    rows: Rows
    utf8: bool
    loaded: dict[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One item. `form`: how it is formatted. `load`: what of the store it needs, or empty."""

    form: bytes
    values: Callable[[Slice], Sequence[Any]]
    load: str = ""


def _second(name: str) -> Callable[[Slice], Sequence[Any]]:
    return lambda part: [row[1] for row in part.loaded[name]]


def _previews(part: Slice) -> Sequence[bytes]:
    return [spelling.string(row[4].encode(), part.utf8) for row in part.loaded["marks"]]


def _thread_ids(part: Slice) -> Sequence[bytes]:
    return [b"(%b)" % row[2].encode() if row[2] else b"NIL" for row in part.loaded["marks"]]


DAY = 86400
_TIMES = [b"%02d:%02d" % divmod(minute, 60) for minute in range(1440)]
_ZONE = [b':%02d +0000"' % second for second in range(60)]


class _Days(dict[int, bytes]):
    """Day since the epoch → the beginning of its date-times; forgets all when it grows large."""

    def __missing__(self, day: int) -> bytes:
        if len(self) > 5000:
            self.clear()
        text = self[day] = spelling.internaldate(day * DAY)[:-15]
        return text


_DAYS = _Days()


def internaldates(moments: Sequence[int]) -> list[bytes]:
    """`spelling.internaldate` of many: put together from a day, a minute and a second."""
    days, times, zone = _DAYS, _TIMES, _ZONE
    found: list[bytes] = []
    for moment in moments:
        minute, second = divmod(moment, 60)
        day, minute = divmod(minute, 1440)
        found.append(days[day] + times[minute] + zone[second])
    return found


COLUMNS: dict[Attribute, Column] = {
    Attribute.UID: Column(b"UID %d", lambda part: part.rows.uids),
    Attribute.FLAGS: Column(b"FLAGS %b", lambda part: part.view.flag_texts(part.rows)),
    Attribute.INTERNALDATE: Column(b"INTERNALDATE %b", lambda part: internaldates(part.rows.dates)),
    Attribute.SIZE: Column(b"RFC822.SIZE %d", lambda part: part.rows.sizes),
    Attribute.MODSEQ: Column(b"MODSEQ (%d)", lambda part: part.rows.modseqs),
    Attribute.ENVELOPE: Column(b"ENVELOPE %b", _second("envelopes"), "envelopes"),
    Attribute.BODYSTRUCTURE: Column(
        b"BODYSTRUCTURE %b", _second("bodystructures"), "bodystructures"
    ),
    Attribute.EMAILID: Column(
        b"EMAILID (%b)", lambda part: [row[1].encode() for row in part.loaded["marks"]], "marks"
    ),
    Attribute.THREADID: Column(b"THREADID %b", _thread_ids, "marks"),
    Attribute.SAVEDATE: Column(
        b"SAVEDATE %b",
        lambda part: internaldates([row[3] for row in part.loaded["marks"]]),
        "marks",
    ),
    Attribute.PREVIEW: Column(b"PREVIEW %b", _previews, "marks"),
}


class Heads:
    """Makes the beginnings of FETCH lines, `* 12 FETCH (UID 7 FLAGS (\\Seen)`, unclosed."""

    __slots__ = ("_columns", "_form", "_loads", "_session", "_view")

    def __init__(
        self, session: Session, attributes: Sequence[Attribute], ending: bytes = b""
    ) -> None:
        self._session = session
        self._view = session.view
        self._columns = [COLUMNS[attribute] for attribute in attributes]
        items = b" ".join(column.form for column in self._columns)
        self._form = b"* %d FETCH (" + items + ending
        self._loads = sorted({column.load for column in self._columns if column.load})

    @property
    def asks(self) -> bool:
        """Whether anything has to be asked of the store."""
        return bool(self._loads)

    def begin(self, rows: Rows) -> Pending:
        """Asks the store for what `rows` need; the lines come from the result."""
        box = self._view.box
        messages = self._session.site.storage.messages
        uids = UidSet.from_sorted(rows.uids) if self._loads else UidSet()
        asked = {
            load: getattr(messages, load)(box.account, box.number, uids) for load in self._loads
        }
        return Pending(self, rows, asked)

    def lines(self, rows: Rows, loaded: dict[str, Sequence[Any]]) -> list[bytes]:
        """The lines of `rows`."""
        part = Slice(self._view, rows, self._session.utf8, loaded)
        columns = [column.values(part) for column in self._columns]
        form = self._form
        return [form % row for row in zip(rows.numbers, *columns, strict=True)]


class Pending:
    """Rows whose lines are on their way from the store. Finished or abandoned, exactly once."""

    __slots__ = ("_asked", "_heads", "_rows")

    def __init__(self, heads: Heads, rows: Rows, asked: dict[str, Awaitable[Any]]) -> None:
        self._heads = heads
        self._rows = rows
        self._asked = asked

    async def finish(self) -> tuple[Rows, list[bytes]]:
        """The rows that still exist, and their lines."""
        rows, asked = self._rows, self._asked
        loaded: dict[str, Sequence[Any]] = {}
        while asked:
            name, awaited = asked.popitem()
            loaded[name] = await awaited
        if any(len(found) != len(rows) for found in loaded.values()):
            rows = _in_step(rows, loaded)
        return rows, self._heads.lines(rows, loaded)

    def abandon(self) -> None:
        """Nobody needs them any more."""
        while self._asked:
            abandon(self._asked.popitem()[1])


def _in_step(rows: Rows, loaded: dict[str, Sequence[Any]]) -> Rows:
    """Leaves out what was expunged between two questions to the store."""
    there = set(rows.uids)
    for found in loaded.values():
        there &= {row[0] for row in found}
    for name, found in loaded.items():
        loaded[name] = [row for row in found if row[0] in there]
    return rows.keep([uid in there for uid in rows.uids])
