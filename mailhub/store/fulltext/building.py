"""Taking messages into the index, in the order in which they came into the store.

What is taken in is contents, which stay when a message is moved or copied, so nothing has to be
followed but new ones: a content's key holds the number of the journal's row that brought it, and
the index remembers the last one that it has seen. What is no longer in any mailbox stays in the
index, unseen, until so much of it is there that the whole is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from sqlite3 import OperationalError

from mailhub.model.indexed import Document
from mailhub.model.message import BlobRef
from mailhub.store.fulltext import spelling
from mailhub.store.fulltext.schema import ACCOUNT_SHIFT
from mailhub.store.schema import KEY_SHIFT
from mailhub.store.sql import Cursor, number

BATCH = 200
BATCH_SIZE = 8 << 20
"""Messages and bytes that are taken in together."""
LARGEST = 32 << 20
"""Bytes of a message past which it is not looked into: each search does so itself."""
MOST_COUNTED = 100_000
"""Messages behind an index that are counted: more is as bad."""
REMOVED_LEAST = 1000
"""Documents without a message that are worth making the index anew, where they are a third."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be taken in. Its bytes are `prefix` and the blob."""

    content: int
    account: int
    blob: BlobRef
    header_length: int
    prefix: bytes


def waiting(source: Cursor, position: int) -> list[Waiting]:
    """The next messages behind `position`; empty where there are none."""
    rows = source.execute(
        "SELECT key, account, segment, start, length, header_length, prefix FROM content"
        " WHERE key > :position ORDER BY key LIMIT :limit",
        {"position": position, "limit": BATCH},
    ).fetchall()
    taken: list[Waiting] = []
    room = BATCH_SIZE
    for key, account, segment, start, length, header_length, prefix in rows:
        room -= length
        if room < 0 and taken:
            break
        taken.append(Waiting(key, account, BlobRef(segment, start, length), header_length, prefix))
    return taken


def put(target: Cursor, schema: str, taken: Sequence[tuple[Waiting, Document | None]]) -> None:
    """Writes documents, in order, in one commit. None: nothing can be said of that message."""
    last: dict[int, int] = {}
    rows: list[tuple[int, Waiting, Document | None]] = []
    for one, document in taken:
        if one.account not in last:
            last[one.account] = _last_number(target, schema, one.account)
        last[one.account] += 1
        rows.append((last[one.account], one, document))
    target.execute("BEGIN IMMEDIATE")
    try:
        # By number: FTS5 writes out what it holds whenever one is smaller than the one before.
        for place, one, document in sorted(rows, key=lambda row: row[0]):
            incomplete = document is None or not document.complete
            target.execute(
                f"INSERT INTO {schema}.document VALUES (?, ?, ?)",
                (place, one.content, int(incomplete)),
            )
            if document is not None:
                _put_texts(target, schema, place, one.account, document)
        target.execute(
            f"UPDATE {schema}.state SET position = ?, documents = documents + ?",
            (taken[-1][0].content, len(taken)),
        )
    except BaseException:
        with suppress(OperationalError):  # SQLite did so by itself: the disk is full
            target.execute("ROLLBACK")
        raise
    target.execute("COMMIT")


def _put_texts(target: Cursor, schema: str, place: int, account: int, document: Document) -> None:
    begins = spelling.prefix(account)
    words = begins + document.words.replace(" ", f" {begins}") if document.words else ""
    for table, text in (("words", words), ("pieces", document.pieces)):
        target.execute(f"INSERT INTO {schema}.{table} (rowid, text) VALUES (?, ?)", (place, text))
    if document.fields or document.text:
        row = (place, document.fields, document.text)
        target.execute(f"INSERT INTO {schema}.phrases VALUES (?, ?, ?)", row)


def _last_number(target: Cursor, schema: str, account: int) -> int:
    first = account << ACCOUNT_SHIFT
    found = number(
        target,
        f"SELECT max(number) FROM {schema}.document WHERE number BETWEEN ? AND ?",
        (first, first + (1 << ACCOUNT_SHIFT) - 1),
    )
    return found or first


def position(target: Cursor, schema: str) -> int:
    """The newest content that was looked at."""
    return number(target, f"SELECT position FROM {schema}.state", {})


def behind(source: Cursor, position: int) -> int:
    """How many messages an index at `position` does not have yet, `MOST_COUNTED` at most."""
    return number(
        source,
        "SELECT count(*) FROM (SELECT 1 FROM content WHERE key > :position LIMIT :most) AS behind",
        {"position": position, "most": MOST_COUNTED},
    )


def ahead(source: Cursor, position: int) -> bool:
    """Whether an index at `position` has seen more than this store ever had: the store is an older
    copy that was put back, and will give the same keys to other messages."""
    last = number(source, "SELECT max(number) FROM journal", {})
    newest = number(source, "SELECT max(key) FROM content", {})
    return 0 < last < position >> KEY_SHIFT and newest < position


def removed(cursor: Cursor) -> int:
    """Documents whose message is gone: each that is there, up to the index's position, has one.
    `cursor`: the metadata with the index as `found`."""
    return number(
        cursor,
        "SELECT s.documents - (SELECT count(*) FROM content)"
        " + (SELECT count(*) FROM content AS c WHERE c.key > s.position) FROM found.state AS s",
        {},
    )
