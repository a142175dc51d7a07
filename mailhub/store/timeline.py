"""What became of a message, from the journal: how it came, and where it was passed on to.

No table is kept for it. The row of a message's arrival is part of its content's key; what left with
it was queued in the same commit, a few rows further on; tries that failed for now have an index,
and the end of an entry stands a bounded number of rows behind what is known of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import JournalEntry
from mailhub.store import journal
from mailhub.store.schema import KEY_SHIFT
from mailhub.store.sql import Cursor, array_text, integers, item, number, numbers_in, one_moment

COMMIT = 1000
"""Rows behind the arrival among which those of the same commit stand."""
LOOKED_AT = 50_000
"""Rows behind the last known try among which its end is looked for."""
ENTRIES = 100
"""Recipients of one message whose way is told."""
EVENTS = 1000


@one_moment
def timeline(cursor: Cursor, account: int, content: int) -> Sequence[JournalEntry]:
    """See `ports.Listings.timeline`."""
    first = content >> KEY_SHIFT
    found = [
        one
        for one in journal.some(cursor, [first])
        if one.account == account and one.kind == "arrived"
    ]
    token = _transaction(found[0].detail) if found else ""
    if not token:
        return found
    queued = integers(
        cursor.execute(
            "SELECT group_concat(number) FROM journal WHERE number BETWEEN :first AND :last"
            " AND kind = 'queued' AND json_extract(detail, '$.transaction') = :token"
            " ORDER BY number",
            {"first": first, "last": first + COMMIT, "token": token},
        ).fetchone()[0]
    )
    numbers = [*queued, *_tries(cursor, token, queued)] if queued else []
    return found + list(journal.some(cursor, sorted(numbers)[:EVENTS]))


def _transaction(detail: str) -> str:
    return str(json.loads(detail).get("transaction", "")) if detail else ""


def _tries(cursor: Cursor, token: str, queued: Sequence[int]) -> list[int]:
    rows = journal.some(cursor, queued)
    entries = [one for row in rows for one in json.loads(row.detail).get("entries", ())][:ENTRIES]
    deferred = integers(
        cursor.execute(
            "SELECT group_concat(j.number) FROM json_each(:entries) AS w CROSS JOIN journal AS j"
            f" WHERE j.kind = 'deferred' AND json_extract(j.detail, '$.entry') = {item('w')}"
            " ORDER BY w.key, j.number",
            {"entries": array_text(entries)},
        ).fetchone()[0]
    )
    waiting = number(
        cursor,
        f"SELECT count(*) FROM queue_entry WHERE number IN {numbers_in('entries')}",
        {"entries": array_text(entries)},
    )
    if waiting >= len(entries):
        return deferred
    last = max([*queued, *deferred])
    # As many as there can be: the search ends with the last of them.
    ended = integers(
        cursor.execute(
            "SELECT group_concat(number) FROM (SELECT number FROM journal"
            " WHERE number BETWEEN :first AND :last"
            " AND kind IN ('delivered', 'failed', 'discarded')"
            " AND json_extract(detail, '$.transaction') = :token LIMIT :limit) AS chosen",
            {
                "first": min(queued),
                "last": last + LOOKED_AT,
                "token": token,
                "limit": len(entries) - waiting,
            },
        ).fetchone()[0]
    )
    return deferred + ended
