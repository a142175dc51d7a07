"""STORE: flags of many messages at once, by distinct value and never message by message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailhub.model.change import Actor, Flagged
from mailhub.model.errors import NotFound
from mailhub.model.flags import DELETED, SEEN, FlagMode, Flags
from mailhub.model.message import Stored
from mailhub.model.uids import UidSet
from mailhub.store import keywords
from mailhub.store.flag_notes import noted
from mailhub.store.sql import Ranged, integers
from mailhub.store.transaction import Transaction

_WHERE = " FROM message AS m WHERE m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
_BY_UID = " ORDER BY m.uid"
_HELD_BACK = Ranged("SELECT group_concat(m.uid)" + _WHERE + " AND m.modseq > :until" + _BY_UID)
_VALUES = Ranged("SELECT m.flags, count(*)" + _WHERE + " AND m.modseq <= :until GROUP BY m.flags")
_UPDATE = Ranged(
    "UPDATE message SET flags = :code, modseq = :modseq WHERE account = :account"
    " AND mailbox = :mailbox AND {uids:uid} AND flags = :old AND modseq <= :until"
)
_TOUCHED = Ranged(
    "SELECT group_concat(m.uid), group_concat(m.flags)"
    + _WHERE
    + " AND (m.modseq <= :until OR m.modseq = :modseq)"
    + _BY_UID
)
_CHANGED = Ranged(
    "SELECT group_concat(m.uid), group_concat(m.flags)"
    + _WHERE
    + " AND m.modseq = :modseq"
    + _BY_UID
)


def store(
    tx: Transaction,
    account: int,
    mailbox: int,
    uids: UidSet,
    mode: FlagMode,
    flags: Flags,
    actor: Actor,
    unchanged_since: int | None,
) -> Stored:
    """See `ports.Messages.store_flags`. Raises NotFound (mailbox), LimitReached (keywords).

    `Stored.flags` names every message the command addressed and did not hold back, changed or
    not, as the untagged answers to STORE do (RFC 9051 6.4.6); MODSEQ grows only where flags did
    change.
    """
    last = tx.execute(
        "SELECT highestmodseq FROM mailbox WHERE account = :account AND number = :mailbox",
        {"account": account, "mailbox": mailbox},
    ).fetchone()
    if last is None:
        raise NotFound("No such mailbox")
    if not uids:
        return Stored(0, ())
    modseq = last[0] + 1
    # Also keeps a row that one update wrote from being taken by the next one.
    until = last[0] if unchanged_since is None else min(last[0], unchanged_since)
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "until": until}
    modified: Sequence[int] = ()
    if unchanged_since is not None:
        modified = integers(_HELD_BACK.run(tx.cursor, uids, key).fetchone()[0])
    counts: Mapping[int, int] = dict(_VALUES.run(tx.cursor, uids, key).fetchall())
    plan = _plan(tx, account, counts, mode, flags)
    key["modseq"] = modseq
    for old, code in plan.items():
        _UPDATE.run(tx.cursor, uids, key | {"old": old, "code": code})
    touched = _pairs(tx, _TOUCHED, uids, key)
    if not plan:
        return Stored(0, touched, modified)
    _count(tx, account, mailbox, modseq, plan, counts)
    rows = touched if len(plan) == len(counts) else _pairs(tx, _CHANGED, uids, key)
    changed = UidSet.from_sorted(uid for uid, _ in rows).text().decode()
    detail = json.dumps(noted(rows, set(plan.values())))
    entry = tx.journal("flagged", actor, account, mailbox, modseq, changed, detail)
    tx.tell(Flagged(entry, account, mailbox, modseq, rows))
    return Stored(modseq, touched, modified)


def _pairs(
    tx: Transaction, sql: Ranged, uids: UidSet, key: dict[str, object]
) -> list[tuple[int, int]]:
    """(uid, flag code) rows, by UID."""
    columns = sql.run(tx.cursor, uids, key).fetchone()
    return list(zip(*map(integers, columns), strict=True))


def _plan(
    tx: Transaction, account: int, counts: Mapping[int, int], mode: FlagMode, flags: Flags
) -> dict[int, int]:
    """Old code → new code, where they differ."""
    plan: dict[int, int] = {}
    for old in counts:
        if mode is FlagMode.REPLACE:
            wanted = flags
        else:
            before = keywords.decode(tx.cursor, account, old)
            wanted = before.add(flags) if mode is FlagMode.ADD else before.remove(flags)
        code = keywords.encode(tx, account, wanted)
        if code != old:
            plan[old] = code
    return plan


def _count(
    tx: Transaction,
    account: int,
    mailbox: int,
    modseq: int,
    plan: Mapping[int, int],
    counts: Mapping[int, int],
) -> None:
    """Moves the mailbox's counters with the flags."""
    unseen = deleted = 0
    for old, code in plan.items():
        unseen += counts[old] * ((not code & SEEN) - (not old & SEEN))
        deleted += counts[old] * (bool(code & DELETED) - bool(old & DELETED))
    tx.execute(
        "UPDATE mailbox SET highestmodseq = :modseq, unseen = unseen + :unseen,"
        " deleted = deleted + :deleted WHERE account = :account AND number = :mailbox",
        {
            "modseq": modseq,
            "unseen": unseen,
            "deleted": deleted,
            "account": account,
            "mailbox": mailbox,
        },
    )
