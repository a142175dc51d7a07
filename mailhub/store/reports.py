"""Counts by day for the reports to other servers' administrators, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.report import ReportRow
from mailhub.store.sql import Cursor, integers, put_rows
from mailhub.store.transaction import Transaction


def add(tx: Transaction, rows: Sequence[ReportRow]) -> None:
    """Adds the rows' counts to what is there."""
    put_rows(
        tx.cursor,
        "INSERT INTO report (kind, day, domain, key, count) VALUES",
        [(row.kind, row.day, row.domain, row.key, row.count) for row in rows],
        "ON CONFLICT (kind, day, domain, key) DO UPDATE SET count = report.count + excluded.count",
    )


def of_day(cursor: Cursor, kind: str, day: int) -> Sequence[ReportRow]:
    """Rows of the day, by domain and key."""
    rows = cursor.execute(
        "SELECT kind, domain, day, key, count FROM report WHERE kind = :kind AND day = :day"
        " ORDER BY domain, key",
        {"kind": kind, "day": day},
    ).fetchall()
    return [ReportRow(*row) for row in rows]


def days(cursor: Cursor, kind: str) -> Sequence[int]:
    """Days that have rows, oldest first."""
    sql = (
        "SELECT group_concat(day) FROM (SELECT DISTINCT day FROM report WHERE kind = :kind"
        " ORDER BY day) AS found"
    )
    return integers(cursor.execute(sql, {"kind": kind}).fetchone()[0])


def drop(tx: Transaction, kind: str, day: int) -> None:
    """Forgets the day."""
    tx.execute("DELETE FROM report WHERE kind = :kind AND day = :day", {"kind": kind, "day": day})
