"""Clearing rows that are out of sight already, a bounded number a step.

Removing a mailbox of a million messages hides it in one small commit; its rows go later, between
other work, and after a crash the remaining ones go after the restart.
"""

from __future__ import annotations

from mailhub.model.uids import UidSet
from mailhub.store import archive, contents, files
from mailhub.store.sql import integers
from mailhub.store.transaction import Transaction

OWNED = (("thread_reference", "hash"), ("keyword_set", "number"), ("authlog", "number"))
"""Tables of which an account may have many rows, and the column that tells them apart."""
STEP = 300
"""Messages a step: some milliseconds of the writer."""
HANDOVER_LIFE = 86400
"""Seconds that a hand-over's answer is kept for a client that sends it again."""


def step(tx: Transaction) -> bool:
    """Clears some rows; whether there may be more."""
    row = tx.execute("SELECT account, mailbox, source FROM sweep LIMIT 1", {}).fetchone()
    if row is None:
        return False
    account, mailbox, source = row
    if not mailbox:
        return _account_step(tx, account)
    if not _mailbox_step(tx, account, mailbox, source):
        tx.execute(
            "DELETE FROM sweep WHERE account = :account AND mailbox = :mailbox",
            {"account": account, "mailbox": mailbox},
        )
    return True


def _mailbox_step(tx: Transaction, account: int, mailbox: int, source: int = 0) -> bool:
    """Whether there was something to clear. `source`: see the table."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "step": STEP}
    row = tx.execute(
        "SELECT group_concat(uid), group_concat(flags) FROM (SELECT uid, flags FROM message"
        " WHERE account = :account AND mailbox = :mailbox ORDER BY uid LIMIT :step) AS chosen",
        key,
    ).fetchone()
    uids = integers(row[0])
    if uids:
        if source:
            flags = list(zip(uids, integers(row[1]), strict=True))
            archive.keep(tx, account, mailbox, flags, source)
        else:
            contents.release(tx, account, mailbox, UidSet.from_sorted(uids))
        tx.execute(
            "DELETE FROM message WHERE account = :account AND mailbox = :mailbox AND uid <= :last",
            key | {"last": uids[-1]},
        )
        return True
    cleared = tx.execute(
        "DELETE FROM expunged WHERE account = :account AND mailbox = :mailbox AND modseq IN"
        " (SELECT modseq FROM expunged WHERE account = :account AND mailbox = :mailbox"
        " LIMIT :step)",
        key,
    )
    return cleared.rowcount > 0


def _account_step(tx: Transaction, account: int) -> bool:
    key: dict[str, object] = {"account": account, "step": STEP}
    for table in ("message", "expunged"):
        row = tx.execute(
            f"SELECT mailbox FROM {table} WHERE account = :account LIMIT 1",
            key,
        ).fetchone()
        if row is not None:
            return _mailbox_step(tx, account, row[0])
    if archive.forget_account(tx, account) or files.forget_account(tx, account):
        return True
    for table, column in OWNED:
        cleared = tx.execute(
            f"DELETE FROM {table} WHERE account = :account AND {column} IN"
            f" (SELECT {column} FROM {table} WHERE account = :account LIMIT :step)",
            key,
        )
        if cleared.rowcount > 0:
            return True
    tx.execute("DELETE FROM sweep WHERE account = :account", key)
    return True


def purge_handovers(tx: Transaction) -> bool:
    """Drops the oldest hand-overs that no client will ask for again; whether there were some."""
    row = tx.execute(
        "SELECT max(token), count(*) FROM (SELECT token, at FROM handover ORDER BY token"
        " LIMIT :step) AS oldest WHERE at < :until",
        {"step": STEP, "until": tx.now - HANDOVER_LIFE},
    ).fetchone()
    if row[1]:
        tx.execute(
            "DELETE FROM handover WHERE token <= :last AND at < :until",
            {"last": row[0], "until": tx.now - HANDOVER_LIFE},
        )
    return int(row[1]) > 0
