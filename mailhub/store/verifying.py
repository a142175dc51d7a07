"""What every verification has in common: what it finds, and the rules that are asked of the rows.

How bodies are read, and what else a store has to be looked at for, is each store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mailhub.store.checks import CHECKS, Check
from mailhub.store.faults import DRIVER, kind_of
from mailhub.store.sql import Cursor, number

LISTED = 1000
"""Findings of one kind that are listed."""
CHUNK = 256
"""Blobs that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. `kind`: which rule. `where`: rows or bytes of what. `repaired`: done now."""

    kind: str
    where: str
    text: str
    repairable: bool
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found."""

    findings: tuple[Finding, ...]
    accounts: int
    mailboxes: int
    messages: int
    blobs: int
    bytes: int

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, or no longer."""
        return all(finding.repaired for finding in self.findings)


Counts = tuple[int, int, int]
Step = Callable[[], list[Finding]]


def check_rows(
    cursor: Cursor,
    begin: str,
    repair: bool,
    first: Sequence[Step] = (),
    checks: Sequence[Check] = CHECKS,
) -> tuple[list[Finding], Counts]:
    """All rules, on one moment's rows, which `begin` holds fast, after `first`. A database too
    damaged to be asked is a finding as well."""
    cursor.execute(begin, {})
    findings: list[Finding] = []
    steps: list[Step] = [*first]
    steps += [partial(_run, cursor, check, repair) for check in checks]
    for step in steps:
        try:
            findings += step()
        except DRIVER as error:
            findings.append(damaged(error))
    accounts, mailboxes, messages = (
        _count(cursor, table) for table in ("account", "mailbox", "message")
    )
    try:
        cursor.execute("COMMIT", {})
    except DRIVER as error:
        findings.append(damaged(error))
    return findings, (accounts, mailboxes, messages)


def damaged(error: Exception) -> Finding:
    """The database cannot be asked for something."""
    return Finding("database", "file", str(error.__cause__ or error) or kind_of(error).text, False)


def _count(cursor: Cursor, table: str) -> int:
    try:
        return number(cursor, f"SELECT count(*) FROM {table}", {})
    except DRIVER:
        return 0  # The rules have said so already.


def _run(cursor: Cursor, check: Check, repair: bool) -> list[Finding]:
    broken = cursor.execute(
        f"SELECT * FROM ({check.query}) AS broken LIMIT {LISTED}", {}
    ).fetchall()
    repaired = False
    if broken and repair and check.repairs:
        for statement in check.repairs:
            cursor.execute(statement, {})
        repaired = cursor.execute(check.query, {}).fetchone() is None
    return [
        Finding(check.kind, "rows", str(text), bool(check.repairs), repaired) for (text,) in broken
    ]


_PLACES = """
    SELECT segment, start, length, digest FROM {}
    WHERE (segment, start) > (:segment, :start) ORDER BY segment, start LIMIT :limit
"""
_TABLES = tuple(_PLACES.format(table) for table in ("content", "queue_message"))
"""What stands on bodies. Asked one by one: of both together, PostgreSQL sorts all that is left."""
TOTAL = """
    SELECT coalesce(sum(length), 0) FROM (SELECT segment, start, length FROM content
        UNION SELECT segment, start, length FROM queue_message) AS found
"""
STANDING = """
    SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' uid ' || m.uid
    FROM content AS c JOIN message AS m ON m.account = c.account AND m.content = c.key
    WHERE c.segment = :segment AND c.start = :start
    UNION ALL SELECT 'queued message ' || number FROM queue_message
    WHERE segment = :segment AND start = :start
"""
Body = tuple[int, int, int, bytes]
"""Segment, start, length, SHA-256."""


def bodies(cursor: Cursor) -> Iterator[Sequence[Body]]:
    """Every body that a row stands on, once, by its place; some hundred at a time."""
    last = (-1, -1)
    while True:
        place = {"segment": last[0], "start": last[1], "limit": CHUNK}
        found = [cursor.execute(table, place).fetchall() for table in _TABLES]
        full = [rows[-1][:2] for rows in found if len(rows) == CHUNK]
        # What one table has behind the page of another, comes with that one's next.
        end = min(full, default=None)
        page = {
            (segment, start, length, bytes(digest))
            for rows in found
            for segment, start, length, digest in rows
            if end is None or (segment, start) <= end
        }
        if page:
            yield sorted(page)
        if end is None:
            return
        last = end
