"""Numbers for graphs, as rows: of five minutes, of hours, of days, each kept for its time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailhub.model.sample import DAY, FIVE_MINUTES, HOUR, SPANS, Levels, Sample, Traffic
from mailhub.store.sql import Cursor, number, one_moment, put_rows
from mailhub.store.transaction import Transaction

KEEP: Mapping[int, int] = {FIVE_MINUTES: 2 * DAY, HOUR: 40 * DAY, DAY: 1100 * DAY}
STEP = 50_000
"""Rows of the journal that are counted at once: some 20 ms of a reading thread."""
_COUNTED = ("received", "submitted", "delivered", "deferred", "failed", "rejected")
_LEVELS = ("queued", "oldest", "stored", "room")
_COLUMNS = ("span", "at", *_COUNTED, *_LEVELS)
_KEPT = ", ".join(
    (
        *(f"{name} = sample.{name} + excluded.{name}" for name in _COUNTED),
        *(f"{name} = max(sample.{name}, excluded.{name})" for name in _LEVELS),
    )
)
_KINDS = "'accepted', 'delivered', 'deferred', 'failed'"


@one_moment
def count(cursor: Cursor, after: int) -> tuple[int, Traffic]:
    """What the journal says behind a row, and up to which row; that one is the newest where there
    is no more."""
    newest = number(cursor, "SELECT max(number) FROM journal", {})
    last = min(newest, after + STEP)
    rows = cursor.execute(
        "SELECT json_group_array(json_array(kind, own, count)) FROM (SELECT kind,"
        " kind = 'accepted' AND actor IS NOT NULL AS own, count(*) AS count FROM journal"
        f" WHERE number > :after AND number <= :last AND kind IN ({_KINDS})"
        " GROUP BY 1, 2) AS counted",
        {"after": after, "last": last},
    ).fetchone()
    found = {"submitted" if own else kind: count for kind, own, count in json.loads(rows[0])}
    found["received"] = found.pop("accepted", 0)
    return last, Traffic(**found)


def queue(cursor: Cursor, now: int) -> tuple[int, int]:
    """See `ports.Samples.queue`. Numbers grow with time, so the oldest is the first."""
    waiting = number(cursor, "SELECT count(*) FROM queue_entry", {})
    created = number(cursor, "SELECT created FROM queue_message ORDER BY number LIMIT 1", {})
    return waiting, max(0, now - created) if created else 0


def mark(cursor: Cursor) -> int:
    """Up to which row of the journal was counted; where that was never done, all of it was."""
    row = cursor.execute("SELECT value FROM counter WHERE name = 'sampled'", {}).fetchone()
    return int(row[0]) if row else number(cursor, "SELECT max(number) FROM journal", {})


def put(tx: Transaction, at: int, counted: int, traffic: Traffic, levels: Levels) -> None:
    """See `ports.Samples.put`. `counted`: up to which row."""
    tx.execute(
        "INSERT INTO counter (name, value) VALUES ('sampled', :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"value": counted},
    )
    add(tx, at, traffic, levels)
    for span, keep in KEEP.items():
        tx.execute(
            "DELETE FROM sample WHERE span = :span AND at < :oldest",
            {"span": span, "oldest": at - keep},
        )


def add(tx: Transaction, at: int, traffic: Traffic, levels: Levels) -> None:
    """To what is known of that time."""
    values = [getattr(traffic, name) for name in _COUNTED]
    values += [getattr(levels, name) for name in _LEVELS]
    put_rows(
        tx.cursor,
        f"INSERT INTO sample ({', '.join(_COLUMNS)}) VALUES",
        [(span, at // span * span, *values) for span in SPANS],
        f"ON CONFLICT (span, at) DO UPDATE SET {_KEPT}",
    )


def since(cursor: Cursor, span: int, at: int) -> Sequence[Sample]:
    """See `ports.Samples.since`."""
    rows = cursor.execute(
        f"SELECT json_group_array(json_array({', '.join(_COLUMNS)})) FROM (SELECT * FROM sample"
        " WHERE span = :span AND at >= :at ORDER BY at) AS chosen",
        {"span": span, "at": at},
    ).fetchone()
    return [
        Sample(span, at, Traffic(*counts[: len(_COUNTED)]), Levels(*counts[len(_COUNTED) :]))
        for span, at, *counts in json.loads(rows[0])
    ]
