"""Everything that one order wants done with some messages of a mailbox, in one transaction."""

from __future__ import annotations

import json

from mailhub.model.change import Actor
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.listing import Arrangement
from mailhub.model.message import Copied
from mailhub.model.uids import UidSet
from mailhub.store import flags, mailboxes, moves
from mailhub.store.sql import Ranged
from mailhub.store.transaction import Transaction

_NONE = Flags()


def arrange(
    tx: Transaction, account: int, mailbox: int, uids: UidSet, wanted: Arrangement, actor: Actor
) -> Copied | None:
    """See `ports.Archive.arrange`. Moved last: what is said of the messages goes with them, but
    for when they expire, where their new mailbox has a rule of its own."""
    mailboxes.known(tx.cursor, account, mailbox)
    if not uids:
        return None
    if wanted.add != _NONE:
        flags.store(tx, account, mailbox, uids, FlagMode.ADD, wanted.add, actor, None)
    if wanted.remove != _NONE:
        flags.store(tx, account, mailbox, uids, FlagMode.REMOVE, wanted.remove, actor, None)
    if wanted.metadata is not None:
        annotate(tx, account, mailbox, uids, wanted.metadata, actor)
    copied = None
    if wanted.destination is not None:
        copied = moves.move(tx, account, mailbox, uids, wanted.destination, actor)
        mailbox, uids = wanted.destination, UidSet.from_sorted(copied.destination)
    if wanted.expires is not None and uids:
        expire(tx, account, mailbox, uids, wanted.expires, actor)
    return copied


_EXPIRE = Ranged(
    "UPDATE message SET expires = :when WHERE account = :account AND mailbox = :mailbox"
    " AND {uids:uid}"
)


def expire(
    tx: Transaction, account: int, mailbox: int, uids: UidSet, when: int, actor: Actor
) -> int:
    """When messages leave their mailbox by themselves, 0 never; how many there were."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "when": when}
    count = _EXPIRE.run(tx.cursor, uids, key).rowcount
    if count:
        detail = json.dumps({"expires": when})
        tx.journal("messageset", actor, account, mailbox, 0, uids.text().decode(), detail)
    return count


_ANNOTATE = Ranged(
    "INSERT INTO annotation (account, content, metadata) SELECT DISTINCT m.account, m.content,"
    " :metadata FROM message AS m WHERE m.account = :account AND m.mailbox = :mailbox"
    " AND {uids:m.uid} ON CONFLICT (account, content) DO UPDATE SET metadata = :metadata"
)
_BARE = Ranged(
    "DELETE FROM annotation WHERE account = :account AND content IN (SELECT m.content"
    " FROM message AS m WHERE m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid})"
)
_COUNT = Ranged(
    "SELECT count(*) FROM message AS m WHERE m.account = :account AND m.mailbox = :mailbox"
    " AND {uids:m.uid}"
)


def annotate(
    tx: Transaction, account: int, mailbox: int, uids: UidSet, metadata: str, actor: Actor
) -> int:
    """Keeps JSON with messages, empty for none; how many there were."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    count = int(_COUNT.run(tx.cursor, uids, dict(key)).fetchone()[0])
    if count:
        if metadata:
            _ANNOTATE.run(tx.cursor, uids, key | {"metadata": metadata})
        else:
            _BARE.run(tx.cursor, uids, key)
        detail = json.dumps({"metadata": True})
        tx.journal("messageset", actor, account, mailbox, 0, uids.text().decode(), detail)
    return count
