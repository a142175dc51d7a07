"""Rows of lists: what was rendered of messages that are named by their places.

All rows come in one, as `sql` tells why, and no body is read. Which places a list has is decided
in `listing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.listing import Row, ThreadSum
from mailhub.store.sql import Cursor, array_text, item

CUT = 16 * 1024
"""Bytes of an ENVELOPE or BODYSTRUCTURE that a list shows at most: some hundred addresses."""
_REFERENCES = 8192

_COLUMNS = f"""
    SELECT json_group_array(json_array(m.mailbox, m.{{number}}, m.flags, m.internaldate, m.size,
        m.content, c.thread, c.sent_at, c.subject, c.message_id,
        substr(c.reference_ids, 1, {_REFERENCES}), c.preview, c.attachments,
        min(length(c.envelope), :cut), min(length(c.bodystructure), :cut), k.names,
        {{expires}}, {{archived}}, CASE WHEN :metadata <> 0 THEN a.metadata END)),
        CAST(group_concat(substr(c.envelope, 1, :cut), '') AS BLOB),
        CAST(group_concat(substr(c.bodystructure, 1, :cut), '') AS BLOB)
    FROM json_each(:places) AS w CROSS JOIN {{table}} AS m CROSS JOIN content AS c
        LEFT JOIN keyword_set AS k ON k.account = :account AND k.number = m.flags >> 8
        LEFT JOIN annotation AS a ON a.account = :account AND a.content = m.content
    WHERE m.account = :account AND c.account = :account AND c.key = m.content AND
"""
IN_MAILBOXES = (
    _COLUMNS.format(number="uid", expires="m.expires", archived="0", table="message")
    + f" m.mailbox = {item('w', 0)} AND m.uid = {item('w', 1)} ORDER BY w.key"
)
IN_ARCHIVE = (
    _COLUMNS.format(number="number", expires="0", archived="m.archived", table="archived")
    + f" m.number = {item('w')} ORDER BY w.key"
)


def rows(
    cursor: Cursor, account: int, sql: str, names: Sequence[object], cut: int, metadata: bool
) -> Iterator[Row]:
    if not names:
        return
    key = {"account": account, "places": array_text(names), "cut": cut, "metadata": metadata}
    text, envelopes, structures = cursor.execute(sql, key).fetchone()
    envelope = structure = 0
    for row in json.loads(text):
        length, length2 = row[13], row[14]
        yield _row(
            account,
            row,
            (envelopes or b"")[envelope : envelope + length],
            (structures or b"")[structure : structure + length2],
        )
        envelope += length
        structure += length2


def _row(account: int, row: list[Any], envelope: bytes, structure: bytes) -> Row:
    mailbox, number, code, date, size, content, thread, sent, subject, id_, references = row[:11]
    preview, attachments, _, _, names, expires, archived, metadata = row[11:]
    return Row(
        account=account,
        mailbox=mailbox,
        number=number,
        flags=Flags(code & SYSTEM_BITS, tuple(json.loads(names)) if names else ()),
        date=date,
        size=size,
        content=content,
        thread=thread,
        sent_at=sent,
        subject=subject,
        message_id=id_,
        references=tuple(references.split("\n")) if references else (),
        preview=preview,
        attachments=bool(attachments),
        envelope=envelope,
        structure=structure,
        expires=expires,
        archived=archived,
        metadata=metadata or "",
    )


_WHOLE = 64 * 1024
"""The same where a single message is shown: more than five hundred addresses, or parts."""


def one(cursor: Cursor, account: int, mailbox: int, uid: int) -> Row | None:
    """See `ports.Listings.one`."""
    return next(rows(cursor, account, IN_MAILBOXES, [(mailbox, uid)], _WHOLE, True), None)


def one_archived(cursor: Cursor, account: int, number: int) -> Row | None:
    """See `ports.Listings.one_archived`."""
    return next(rows(cursor, account, IN_ARCHIVE, [number], _WHOLE, True), None)


def some(
    cursor: Cursor, account: int, places: Sequence[tuple[int, int]], metadata: bool
) -> Sequence[Row]:
    """See `ports.Listings.some`."""
    return list(rows(cursor, account, IN_MAILBOXES, list(places), CUT, metadata))


# What is said of indexes keeps the database from going through whole mailboxes.
_MEMBERS = " AND +m.mailbox IN (SELECT number FROM mailbox WHERE account = :account)"
"""A message whose mailbox was removed is on its way out."""
_JOINED = (
    "FROM message AS m INDEXED BY message_thread WHERE m.account = :account"
    f" AND m.thread = {item('w')} AND m.thread <> 0" + _MEMBERS
)
_BEGAN = f"FROM message AS m WHERE m.content = {item('w')} AND +m.account = :account" + _MEMBERS
_COUNTS = f"""
    SELECT json_group_array(json_array({item("w")},
        (SELECT count(*) {_JOINED}) + (SELECT count(*) {_BEGAN})))
    FROM json_each(:threads) AS w
"""
_SUMS = (
    "json_array(count(*), count(CASE WHEN (m.flags & 1) = 0 THEN 1 END),"
    " count(CASE WHEN (m.flags & 4) <> 0 THEN 1 END),"
    " count(CASE WHEN (m.flags & 16) <> 0 THEN 1 END))"
)
_WHOLE_SUMS = f"""
    SELECT json_group_array(json_array({item("w")}, json((SELECT {_SUMS} {_JOINED})),
        json((SELECT {_SUMS} {_BEGAN})))) FROM json_each(:threads) AS w
"""


def threads(
    cursor: Cursor, account: int, wanted: Sequence[int], *, flags: bool
) -> dict[int, ThreadSum]:
    """See `ports.Listings.threads`."""
    key = {"account": account, "threads": array_text(wanted)}
    found = json.loads(cursor.execute(_WHOLE_SUMS if flags else _COUNTS, key).fetchone()[0])
    if not flags:
        return {row[0]: ThreadSum(row[1]) for row in found}
    return {
        thread: ThreadSum(
            joined[0] + began[0],
            unseen=joined[1] + began[1] > 0,
            flagged=joined[2] + began[2] > 0,
            drafts=joined[3] + began[3] > 0,
        )
        for thread, joined, began in found
    }
