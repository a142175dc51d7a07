"""How many threads a mailbox has: kept in the commits that bring messages and take them away.

A message's row says which thread it joined; one that began a thread says nothing, so that mail
which answers nothing costs no more than without threads. Which thread a message belongs to is
decided in `threads`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from mailhub.store.sql import array_text, item, number
from mailhub.store.transaction import Transaction

_HERE = (
    "(EXISTS (SELECT 1 FROM message AS j INDEXED BY message_thread WHERE j.account = {account}"
    " AND j.thread = {thread} AND j.mailbox = {mailbox} AND j.thread <> 0)"
    " OR EXISTS (SELECT 1 FROM message AS s INDEXED BY message_content WHERE s.content = {thread}"
    " AND s.account = {account} AND s.mailbox = {mailbox}))"
)
"""Whether a thread has a message in a mailbox: one that joined it, or the one that began it."""
_COUNT_HERE = "SELECT count(*) FROM json_each(:threads) AS w WHERE " + _HERE.format(
    account=":account", mailbox=":mailbox", thread=item("w")
)
_KNOWN = (
    "SELECT json_group_array(json(w.value)) FROM json_each(:wanted) AS w WHERE "
    + _HERE.format(account=item("w", 0), mailbox=item("w", 1), thread=item("w", 2))
)


def thread_of(row: str) -> str:
    """SQL for the thread of a row of messages: the key of the content that began it."""
    return f"CASE WHEN {row}.thread = 0 THEN {row}.content ELSE {row}.thread END"


def known(tx: Transaction, wanted: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    """Those of (account, mailbox, thread) of which a message is there already."""
    found = json.loads(tx.execute(_KNOWN, {"wanted": array_text(wanted)}).fetchone()[0])
    return {(account, mailbox, thread) for account, mailbox, thread in found}


def gained(tx: Transaction, account: int, mailbox: int, threads: Sequence[int]) -> int:
    """How many threads a mailbox gets by messages of `threads`. Before their rows are there."""
    distinct = set(threads)
    messages, _ = _counters(tx, account, mailbox)
    return len(distinct) - (_here(tx, account, mailbox, distinct) if messages else 0)


def lost(tx: Transaction, account: int, mailbox: int, threads: Sequence[int]) -> int:
    """How many threads a mailbox loses with messages of `threads`. When their rows are gone, and
    its counters are not yet changed."""
    messages, before = _counters(tx, account, mailbox)
    if len(threads) >= messages:
        return before
    if before == messages:  # no two of one thread
        return len(threads)
    distinct = set(threads)
    return len(distinct) - _here(tx, account, mailbox, distinct)


def _here(tx: Transaction, account: int, mailbox: int, threads: Collection[int]) -> int:
    key = {"account": account, "mailbox": mailbox, "threads": array_text(threads)}
    return number(tx.cursor, _COUNT_HERE, key)


def _counters(tx: Transaction, account: int, mailbox: int) -> tuple[int, int]:
    row = tx.execute(
        "SELECT messages, threads FROM mailbox WHERE account = :account AND number = :mailbox",
        {"account": account, "mailbox": mailbox},
    ).fetchone()
    return row[0], row[1]
