"""Messages whose time in their mailbox is over leave it, a bounded number a step.

When a message leaves was written down when it came in, from the mailbox's retention then; what is
set later is for later mail. They leave as if they were expunged: every session hears of it.
"""

from __future__ import annotations

import json

from mailhub.model.change import Actor
from mailhub.model.uids import UidSet
from mailhub.store import moves
from mailhub.store.transaction import Transaction

STEP = 200
"""Messages a step: some milliseconds of the writer."""
RETENTION = Actor(source="retention")


def expire(tx: Transaction) -> bool:
    """Takes some messages out, the oldest first; whether there may be more."""
    over = tx.execute(
        "SELECT json_group_array(json_array(account, mailbox, uid)) FROM (SELECT account, mailbox,"
        " uid FROM message WHERE expires > 0 AND expires <= :now AND EXISTS (SELECT 1 FROM mailbox"
        " AS b WHERE b.account = message.account AND b.number = message.mailbox)"
        " ORDER BY expires LIMIT :step) AS chosen",
        {"now": tx.now, "step": STEP},
    ).fetchone()[0]
    places: dict[tuple[int, int], list[int]] = {}
    for account, mailbox, uid in json.loads(over):
        places.setdefault((account, mailbox), []).append(uid)
    for (account, mailbox), uids in places.items():
        gone = UidSet.from_any(uids)
        moves.expunge(tx, account, mailbox, gone, RETENTION, only_deleted=False, keep=True)
    return bool(places)
