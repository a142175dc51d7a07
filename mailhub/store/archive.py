"""Deleted messages that can be had back: kept instead of expunged, restored, let go in the end.

A row here is one use of a message's content, so that nothing is copied on the way out or back.
Drafts are not kept: what they became is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from mailhub.model.change import Actor, Arrived, ArrivedRow
from mailhub.model.errors import NotFound
from mailhub.model.flags import DELETED, DRAFT, SEEN
from mailhub.model.listing import Restored
from mailhub.model.message import BlobRef, Content
from mailhub.model.uids import UidSet
from mailhub.store import contents, conversations, mailboxes
from mailhub.store.expiry import expires
from mailhub.store.flag_notes import noted
from mailhub.store.sql import Cursor, Ranged, array_text, integers, item, next_number, numbers_in
from mailhub.store.transaction import Transaction
from mailhub.store.usages import take_quota

STEP = 300
"""Messages a step: some milliseconds of the writer."""
_KEEP = Ranged(
    "INSERT INTO archived (account, number, mailbox, uid, flags, internaldate, archived, size,"
    " content) SELECT m.account, :before + row_number() OVER (ORDER BY m.uid), :source, m.uid,"
    f" m.flags, m.internaldate, :now, m.size, m.content FROM message AS m WHERE"
    f" m.account = :account AND m.mailbox = :mailbox AND {{uids:m.uid}} AND (m.flags & {DRAFT}) = 0"
)


def keep(
    tx: Transaction, account: int, mailbox: int, flags: Sequence[tuple[int, int]], source: int
) -> None:
    """Keeps messages, given as sorted (UID, flag code), that are about to lose their rows in
    `mailbox`. `source`: where they were."""
    drafts = [uid for uid, code in flags if code & DRAFT]
    count = len(flags) - len(drafts)
    if drafts:
        contents.release(tx, account, mailbox, UidSet.from_sorted(drafts))
    if count:
        first = next_number(tx.cursor, "archived", count)
        key: dict[str, object] = {"account": account, "mailbox": mailbox, "source": source}
        gone = UidSet.from_sorted(uid for uid, _ in flags)
        _KEEP.run(tx.cursor, gone, key | {"before": first - 1, "now": tx.now})


def content(cursor: Cursor, account: int, number: int) -> Content | None:
    """See `ports.Archive.content`."""
    row = cursor.execute(
        "SELECT c.prefix, c.segment, c.start, c.length, c.header_length FROM archived AS m"
        " JOIN content AS c ON c.key = m.content AND c.account = m.account"
        " WHERE m.account = :account AND m.number = :number",
        {"account": account, "number": number},
    ).fetchone()
    return None if row is None else Content(number, row[0], BlobRef(*row[1:4]), row[4])


def numbers(
    cursor: Cursor, account: int, start: int, end: int, after: int, limit: int
) -> Sequence[int]:
    """See `ports.Archive.numbers`."""
    row = cursor.execute(
        "SELECT group_concat(number) FROM (SELECT number FROM archived WHERE account = :account"
        " AND number > :after AND archived BETWEEN :start AND :end ORDER BY number LIMIT :limit)"
        " AS chosen",
        {"account": account, "start": start, "end": end, "after": after, "limit": limit},
    ).fetchone()
    return integers(row[0])


def restore(
    tx: Transaction, account: int, wanted: Sequence[int], mailbox: int | None, actor: Actor
) -> Sequence[Restored]:
    """See `ports.Archive.restore`."""
    if mailbox is not None:
        mailboxes.known(tx.cursor, account, mailbox)
    rows = json.loads(
        tx.execute(
            "SELECT json_group_array(json_array(a.number, coalesce(b.number, i.number), a.flags,"
            " a.size, a.internaldate, c.thread)) FROM (SELECT * FROM archived"
            f" WHERE account = :account AND number IN {numbers_in('wanted')}"
            " ORDER BY number) AS a JOIN content AS c ON c.key = a.content"
            " AND c.account = a.account"
            " LEFT JOIN mailbox AS b ON b.account = a.account"
            " AND b.number = coalesce(:mailbox, a.mailbox)"
            " LEFT JOIN mailbox AS i ON i.account = a.account AND i.name = 'INBOX'"
            " ORDER BY a.number",
            {"account": account, "wanted": array_text(wanted), "mailbox": mailbox},
        ).fetchone()[0]
    )
    if not rows:
        return ()
    take_quota(tx, account, sum(row[3] for row in rows), len(rows))
    groups: dict[int, list[list[int]]] = {}
    for row in rows:
        if row[1] is None:
            raise NotFound("No such account")
        groups.setdefault(row[1], []).append(row)
    back: list[Restored] = []
    for target, group in groups.items():
        back += _put_back(tx, account, target, group, actor)
    return sorted(back, key=lambda one: one.number)


def _put_back(
    tx: Transaction, account: int, mailbox: int, rows: list[list[int]], actor: Actor
) -> list[Restored]:
    """What is restored is not marked as deleted any more: the next EXPUNGE would take it."""
    codes = [row[2] & ~DELETED for row in rows]
    threads = conversations.gained(tx, account, mailbox, [row[5] for row in rows])
    uidnext, modseq, retention = tx.execute(
        "UPDATE mailbox SET uidnext = uidnext + :count, highestmodseq = highestmodseq + 1,"
        " messages = messages + :count, unseen = unseen + :unseen, size = size + :size,"
        " threads = threads + :threads WHERE account = :account AND number = :mailbox"
        " RETURNING uidnext, highestmodseq, retention",
        {
            "count": len(rows),
            "unseen": sum(not code & SEEN for code in codes),
            "size": sum(row[3] for row in rows),
            "threads": threads,
            "account": account,
            "mailbox": mailbox,
        },
    ).fetchone()
    first = uidnext - len(rows)
    key: dict[str, object] = {
        "account": account,
        "mailbox": mailbox,
        "before": first - 1,
        "modseq": modseq,
        "now": tx.now,
        "expires": expires(tx.now, retention),
        "numbers": array_text(row[0] for row in rows),
    }
    these = " FROM archived WHERE account = :account AND number IN"
    these += f" {numbers_in('numbers')}"
    tx.execute(
        "INSERT INTO message (account, mailbox, uid, modseq, flags, internaldate, savedate, size,"
        " content, expires, thread) SELECT account, :mailbox, :before + row_number() OVER"
        f" (ORDER BY number), :modseq, flags & ~{DELETED}, internaldate, :now, size, content,"
        " :expires, (SELECT CASE WHEN c.thread = c.key THEN 0 ELSE c.thread END FROM content AS c"
        " WHERE c.key = archived.content AND c.account = archived.account)" + these,
        key,
    )
    tx.execute("DELETE" + these, key)
    keep_steady(tx, account, mailbox, first, [row[4] for row in rows])
    uids = range(first, uidnext)
    news = [
        ArrivedRow(uid, code, row[3], row[4])
        for uid, code, row in zip(uids, codes, rows, strict=True)
    ]
    text = UidSet(((first, uidnext - 1),)).text().decode()
    pairs = [(row.uid, row.flags) for row in news]
    detail = {"restored": True} | noted(pairs, {row.flags for row in news})
    entry = tx.journal("arrived", actor, account, mailbox, modseq, text, json.dumps(detail))
    tx.tell(Arrived(entry, account, mailbox, modseq, news))
    return [Restored(row[0], mailbox, uid) for row, uid in zip(rows, uids, strict=True)]


def keep_steady(
    tx: Transaction, account: int, mailbox: int, first: int, dates: Iterable[int]
) -> None:
    """Notes which of the messages that were just put in from UID `first` on, with these
    INTERNALDATEs, count as delivered now (see `tables.archive`)."""
    steady = [uid for uid, date in enumerate(dates, first) if date == tx.now]
    if steady:
        tx.execute(
            "UPDATE mailbox SET steady_from = CASE WHEN steady_to = 0 THEN :low ELSE steady_from"
            " END, steady_to = :high WHERE account = :account AND number = :mailbox",
            {"low": steady[0], "high": steady[-1], "account": account, "mailbox": mailbox},
        )


def purge(tx: Transaction, before: int) -> bool:
    """See `ports.Archive.purge`."""
    key: dict[str, object] = {"before": before, "step": STEP}
    rows = json.loads(
        tx.execute(
            "SELECT json_group_array(json_array(account, number, content)) FROM"
            " (SELECT account, number, content FROM archived WHERE archived <= :before"
            " ORDER BY archived LIMIT :step) AS chosen",
            key,
        ).fetchone()[0]
    )
    _let_go(tx, rows)
    return bool(rows)


def forget_account(tx: Transaction, account: int) -> bool:
    """Lets some of a removed account's messages go; whether there were any."""
    rows = json.loads(
        tx.execute(
            "SELECT json_group_array(json_array(account, number, content)) FROM (SELECT account,"
            " number, content FROM archived WHERE account = :account LIMIT :step) AS chosen",
            {"account": account, "step": STEP},
        ).fetchone()[0]
    )
    _let_go(tx, rows)
    return bool(rows)


def _let_go(tx: Transaction, rows: list[tuple[int, int, int]]) -> None:
    if not rows:
        return
    tx.execute(
        f"DELETE FROM archived WHERE (account, number) IN (SELECT {item('w', 0)},"
        f" {item('w', 1)} FROM json_each(:rows) AS w)",
        {"rows": array_text(rows)},
    )
    contents.release_keys(tx, [row[2] for row in rows])
