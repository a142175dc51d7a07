"""Letting bodies go that no row refers to: noted when a row went, looked at once some time is over.

A sweep costs what was freed, and nothing for what is kept. Readers of any process that looked a
body up before have time to read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.store.s3.names import OBJECT, is_object
from mailhub.store.sql import Cursor, array_text, item, number, numbers_in, put_rows
from mailhub.store.transaction import Transaction

GRACE = 600
"""Seconds that a body stays after the last row went: longer than a reader holds a place."""
STEP = 500
"""Bodies that are looked at in one commit."""
_ALL = (1 << 63) - 1
_USED = (
    " EXISTS (SELECT 1 FROM content AS c WHERE c.segment = {0})"
    " OR EXISTS (SELECT 1 FROM queue_message AS m WHERE m.segment = {0})"
)
_DUE = (
    "SELECT json_group_array(json_array(f.segment, CASE WHEN"
    + _USED.format("f.segment")
    + " THEN 1 ELSE 0 END)) FROM (SELECT segment FROM freed WHERE at <= :until"
    " AND segment < :border ORDER BY at LIMIT :step) AS f"
)
_HELD = "bodies held until"
_UNKNOWN = (
    f"SELECT json_group_array({item('w')}) FROM json_each(:segments) AS w WHERE NOT ("
    + _USED.format(item("w"))
    + f" OR EXISTS (SELECT 1 FROM freed AS f WHERE f.segment = {item('w')}))"
)
_KEYS = (
    f"DELETE FROM body_key WHERE segment IN {numbers_in('segments')}"
    " AND NOT EXISTS (SELECT 1 FROM content AS c WHERE c.segment = body_key.segment"
    " AND c.account = body_key.account) AND NOT (account = 0 AND EXISTS"
    " (SELECT 1 FROM queue_message AS m WHERE m.segment = body_key.segment))"
)


@dataclass(frozen=True, slots=True)
class Swept:
    """`objects`: that are to be deleted from the bucket now. `more`: whether to go on."""

    objects: Sequence[int]
    more: bool


def step(tx: Transaction) -> Swept:
    """Deletes bodies in the database that were freed some time ago, and says which objects may
    go. Accounts that have a body no more lose its key."""
    border = OBJECT if _held(tx) else _ALL
    rows = tx.execute(_DUE, {"until": tx.now - GRACE, "step": STEP, "border": border}).fetchone()
    due: list[tuple[int, int]] = json.loads(rows[0])
    if not due:
        return Swept((), more=False)
    tx.execute(_KEYS, {"segments": array_text(segment for segment, _ in due)})
    dead = [segment for segment, used in due if not used]
    objects = [segment for segment in dead if is_object(segment)]
    here = [segment for segment in dead if segment < OBJECT]
    if here:
        tx.execute(
            f"DELETE FROM blob WHERE segment IN {numbers_in('segments')}",
            {"segments": array_text(here)},
        )
    forget(tx, [segment for segment, used in due if used or segment < OBJECT])
    return Swept(objects, more=len(due) == STEP)


def hold(tx: Transaction, seconds: int) -> None:
    """For so long nothing goes from the bucket that a row referred to when this was committed,
    though its last row may go: somebody copies it. 0: that is over."""
    tx.execute(
        "INSERT INTO counter (name, value) VALUES (:name, :until) ON CONFLICT (name)"
        " DO UPDATE SET value = :until",
        {"name": _HELD, "until": tx.now + seconds if seconds else 0},
    )


def _held(tx: Transaction) -> bool:
    until = number(tx.cursor, "SELECT value FROM counter WHERE name = :name", {"name": _HELD})
    return until > tx.now


def forget(tx: Transaction, segments: Sequence[int]) -> None:
    """They are gone, or in use: nothing is to be done about them."""
    if segments:
        tx.execute(
            f"DELETE FROM freed WHERE segment IN {numbers_in('segments')}",
            {"segments": array_text(segments)},
        )


def postpone(tx: Transaction, segments: Sequence[int]) -> None:
    """They could not be deleted: the next ones come first."""
    put_rows(
        tx.cursor,
        "INSERT INTO freed (segment, at) VALUES",
        [(segment, tx.now) for segment in sorted(set(segments))],
        "ON CONFLICT (segment) DO UPDATE SET at = excluded.at",
    )


def unknown(cursor: Cursor, segments: Sequence[int]) -> list[int]:
    """Those that no row refers to, and that no sweep will come to."""
    row = cursor.execute(_UNKNOWN, {"segments": array_text(segments)}).fetchone()
    found: list[int] = json.loads(row[0])
    return found
