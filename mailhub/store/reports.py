"""Counts by day for reports, as rows: those that are to be told, and those that others told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from mailhub.model.report import ReportRow
from mailhub.store.sql import Cursor, array_text, integers, number, put_rows
from mailhub.store.transaction import Transaction

SHARE = 10
"""No domain has more than one in so many of a day's rows: whoever invents names to fill a day
fills his own share of it."""


def add(tx: Transaction, rows: Sequence[ReportRow], most: int = 0) -> None:
    """Adds the rows' counts to what is there."""
    if most:
        rows = _fitting(tx.cursor, rows, most)
    # Added up first: no statement may change a row twice (PostgreSQL's INSERT, ON CONFLICT).
    counts: Counter[tuple[str, int, str, str]] = Counter()
    for row in rows:
        counts[row.kind, row.day, row.domain, row.key] += row.count
    put_rows(
        tx.cursor,
        "INSERT INTO report (kind, day, domain, key, count) VALUES",
        [(*key, count) for key, count in counts.items()],
        "ON CONFLICT (kind, day, domain, key) DO UPDATE SET count = report.count + excluded.count",
    )


def add_once(tx: Transaction, marker: ReportRow, rows: Sequence[ReportRow], most: int = 0) -> bool:
    """Adds marker and rows, unless the marker is there, or finds no room."""
    if _known(tx.cursor, [marker]) or (most and not _fitting(tx.cursor, [marker], most)):
        return False
    add(tx, [marker])
    add(tx, rows, most)
    return True


def of_day(cursor: Cursor, kind: str, day: int, domain: str = "") -> Sequence[ReportRow]:
    """Rows of the day, by domain and key."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(domain, key, count)) FROM (SELECT domain, key, count"
        f" FROM report WHERE kind = :kind AND day = :day{_of(domain)} ORDER BY domain, key)"
        " AS found",
        {"kind": kind, "day": day, "domain": domain},
    ).fetchone()
    return [ReportRow(kind, name, day, key, count) for name, key, count in json.loads(rows[0])]


def domains(cursor: Cursor, kind: str, day: int) -> Sequence[str]:
    """Domains that have rows, in their order."""
    rows = cursor.execute(
        "SELECT json_group_array(domain) FROM (SELECT DISTINCT domain FROM report"
        " WHERE kind = :kind AND day = :day ORDER BY domain) AS found",
        {"kind": kind, "day": day},
    ).fetchone()
    found: list[str] = json.loads(rows[0])
    return found


def days(cursor: Cursor, kind: str) -> Sequence[int]:
    """Days that have rows, oldest first."""
    sql = (
        "SELECT group_concat(day) FROM (SELECT DISTINCT day FROM report WHERE kind = :kind"
        " ORDER BY day) AS found"
    )
    return integers(cursor.execute(sql, {"kind": kind}).fetchone()[0])


def drop(tx: Transaction, kind: str, day: int, domain: str = "") -> None:
    """Forgets the day, or what it has of one domain."""
    tx.execute(
        f"DELETE FROM report WHERE kind = :kind AND day = :day{_of(domain)}",
        {"kind": kind, "day": day, "domain": domain},
    )


def _of(domain: str) -> str:
    return " AND domain = :domain" if domain else ""


# -- bounds


def _fitting(cursor: Cursor, rows: Sequence[ReportRow], most: int) -> list[ReportRow]:
    """The rows that are there already, and as many others as there is room for."""
    fitting: list[ReportRow] = []
    ordered = sorted(rows, key=lambda row: (row.kind, row.day))
    for (kind, day), found in groupby(ordered, key=lambda row: (row.kind, row.day)):
        group = list(found)
        where = {"kind": kind, "day": day}
        total = number(
            cursor, "SELECT count(*) FROM report WHERE kind = :kind AND day = :day", where
        )
        counts = _by_domain(cursor, kind, day, group)
        new = Counter(row.domain for row in group)
        share = max(1, most // SHARE)
        if total + len(group) <= most and all(counts[one] + new[one] <= share for one in new):
            fitting += group
            continue
        known = _known(cursor, group)
        for row in group:
            if (row.domain, row.key) not in known:
                if total >= most or counts[row.domain] >= share:
                    continue
                known.add((row.domain, row.key))
                total += 1
                counts[row.domain] += 1
            fitting.append(row)
    return fitting


def _by_domain(cursor: Cursor, kind: str, day: int, rows: Sequence[ReportRow]) -> Counter[str]:
    names = array_text({row.domain for row in rows})
    found = cursor.execute(
        "SELECT json_group_array(json_array(domain, counted)) FROM (SELECT domain,"
        " count(*) AS counted FROM report WHERE kind = :kind AND day = :day"
        " AND domain IN (SELECT value FROM json_each(:names)) GROUP BY domain) AS found",
        {"kind": kind, "day": day, "names": names},
    ).fetchone()
    return Counter(dict(json.loads(found[0])))


def _known(cursor: Cursor, rows: Sequence[ReportRow]) -> set[tuple[str, str]]:
    """(domain, key) of those that are there; all rows are of one kind and day."""
    pairs = array_text([row.domain, row.key] for row in rows)
    found = cursor.execute(
        "SELECT json_group_array(json_array(domain, key)) FROM report"
        " WHERE kind = :kind AND day = :day AND (domain, key) IN"
        " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows))"
        " ORDER BY domain, key",
        {"kind": rows[0].kind, "day": rows[0].day, "rows": pairs},
    ).fetchone()
    return {(domain, key) for domain, key in json.loads(found[0])}
