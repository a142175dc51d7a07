"""Messages whose time in their mailbox is over leave it, a bounded number a step.

When a message leaves was written down when it came in, from the mailbox's retention then; what is
set later is for later mail. They leave as if they were expunged: every session hears of it.
"""

from __future__ import annotations

from mailhub.model.change import Actor
from mailhub.model.uids import UidSet
from mailhub.store import moves
from mailhub.store.sql import integers
from mailhub.store.transaction import Transaction

STEP = 300
"""Messages a step: some milliseconds of the writer."""
RETENTION = Actor(source="retention")
_OVER = "expires > 0 AND expires <= :now"


def expire(tx: Transaction) -> bool:
    """Takes some messages of one mailbox out; whether there may be more."""
    first = tx.execute(
        f"SELECT account, mailbox FROM message WHERE {_OVER} AND EXISTS (SELECT 1 FROM mailbox AS b"
        " WHERE b.account = message.account AND b.number = message.mailbox) LIMIT 1",
        {"now": tx.now},
    ).fetchone()
    if first is None:
        return False
    account, mailbox = first
    over = tx.execute(
        f"SELECT group_concat(uid) FROM (SELECT uid FROM message WHERE {_OVER}"
        " AND account = :account AND mailbox = :mailbox LIMIT :step) AS some",
        {"now": tx.now, "account": account, "mailbox": mailbox, "step": STEP},
    ).fetchone()[0]
    gone = UidSet.from_any(integers(over))
    moves.expunge(tx, account, mailbox, gone, RETENTION, only_deleted=False, keep=True)
    return True
