"""Letting go of stored bodies: content rows by their uses, blobs by the rows on them."""

from __future__ import annotations

import json

from mailhub.model.uids import UidSet
from mailhub.store.sql import Ranged, array_text, item, number, numbers_in
from mailhub.store.transaction import Transaction

_MESSAGES = (
    " FROM message AS m WHERE m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
)
_FEWER_USES = Ranged(
    "UPDATE content SET uses = uses - fewer.count FROM (SELECT m.content AS key,"
    " count(*) AS count" + _MESSAGES + " GROUP BY m.content) AS fewer"
    " WHERE content.key = fewer.key AND content.account = :account"
)
_UNUSED = Ranged(
    "SELECT json_group_array(json_array(c.key, c.segment, c.start, c.length))"
    " FROM (SELECT DISTINCT m.content AS key" + _MESSAGES + ") AS touched"
    " CROSS JOIN content AS c WHERE c.key = touched.key AND c.account = :account"
    " AND c.uses <= 0 ORDER BY c.key"
)


def release(tx: Transaction, account: int, mailbox: int, uids: UidSet) -> None:
    """Takes a use from the content of each message; what has none left is dropped. To be called
    while the message rows still stand."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    _FEWER_USES.run(tx.cursor, uids, key)
    dead = json.loads(_UNUSED.run(tx.cursor, uids, key).fetchone()[0])
    if dead:
        drop(tx, dead)


def release_keys(tx: Transaction, keys: list[int]) -> None:
    """Takes a use from each of these contents, as often as it is named."""
    names = array_text(keys)
    tx.execute(
        f"UPDATE content SET uses = uses - fewer.count FROM (SELECT {item('w')} AS key,"
        " count(*) AS count FROM json_each(:keys) AS w GROUP BY w.value) AS fewer"
        " WHERE content.key = fewer.key",
        {"keys": names},
    )
    dead = tx.execute(
        "SELECT json_group_array(json_array(key, segment, start, length)) FROM content"
        f" WHERE key IN {numbers_in('keys')} AND uses <= 0 ORDER BY key",
        {"keys": names},
    ).fetchone()
    if found := json.loads(dead[0]):
        drop(tx, found)


def drop(tx: Transaction, dead: list[tuple[int, int, int, int]]) -> None:
    """Deletes content rows, given as (key, segment, start, length), with what goes with them."""
    keys = {"keys": array_text(row[0] for row in dead)}
    tx.execute(
        "DELETE FROM annotation WHERE (account, content) IN (SELECT c.account, c.key"
        f" FROM json_each(:keys) AS w CROSS JOIN content AS c WHERE c.key = {item('w')})",
        keys,
    )
    tx.execute(
        f"DELETE FROM content WHERE key IN {numbers_in('keys')}",
        keys,
    )
    forget_blobs(tx, {(segment, start, length) for _, segment, start, length in dead})


def forget_blobs(tx: Transaction, blobs: set[tuple[int, int, int]]) -> None:
    """Counts (segment, start, length) as garbage where no row stands on it any more."""
    tx.left += {segment for segment, _, _ in blobs}
    place = f"segment = {item('b', 0)} AND start = {item('b', 1)}"
    tx.freed += number(
        tx.cursor,
        f"SELECT sum({item('b', 2)}) FROM json_each(:blobs) AS b"
        f" WHERE NOT EXISTS (SELECT 1 FROM content WHERE {place})"
        f" AND NOT EXISTS (SELECT 1 FROM queue_message WHERE {place})",
        {"blobs": array_text(blobs)},
    )
