"""Keyword sets: flag codes ↔ flags. See `docs/decisions/keyword-sets.md`.

A message row holds one integer for all its flags: system bits in the low byte, and above it the
number of its keyword set, 0 for none. Sets are per account, few, and never changed or deleted.
"""

from __future__ import annotations

import json

from mailhub.model.change import KeywordSet
from mailhub.model.errors import LimitReached
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction

SHIFT = 8
MAX_SETS = 1 << 20
"""Sets of one account: more than any client makes, and a bound on what one can store."""
MAX_NAMES = 128
"""Keywords of one message."""


def names(cursor: Cursor, account: int) -> dict[int, tuple[str, ...]]:
    """Every set of the account, by number."""
    row = cursor.execute(
        "SELECT json_group_array(number), '[' || group_concat(names) || ']'"
        " FROM keyword_set WHERE account = :account ORDER BY number",
        {"account": account},
    ).fetchone()
    if row[1] is None:
        return {}
    sets = (tuple(one) for one in json.loads(row[1]))
    return dict(zip(json.loads(row[0]), sets, strict=True))


def decode(cursor: Cursor, account: int, code: int) -> Flags:
    """The flags that `code` stands for."""
    if code <= SYSTEM_BITS:
        return Flags(code)
    row = cursor.execute(
        "SELECT names FROM keyword_set WHERE account = :account AND number = :number",
        {"account": account, "number": code >> SHIFT},
    ).fetchone()
    return Flags(code & SYSTEM_BITS, tuple(json.loads(row[0])) if row is not None else ())


def encode(tx: Transaction, account: int, flags: Flags) -> int:
    """The code of `flags`; a set seen for the first time is stored and told of.

    A keyword keeps the spelling that the account saw first, so one that differs in case only
    makes no second set.
    """
    system = flags.system & SYSTEM_BITS
    if not flags.keywords:
        return system
    if len(flags.keywords) > MAX_NAMES:
        raise LimitReached("Too many keywords on one message")
    known = _find(tx.cursor, account, flags.keywords)
    if not known:
        spellings = {
            name.lower(): name for one in names(tx.cursor, account).values() for name in one
        }
        keywords = tuple(spellings.get(name.lower(), name) for name in flags.keywords)
        known = _find(tx.cursor, account, keywords) or _add(tx, account, keywords)
    return known << SHIFT | system


def _text(keywords: tuple[str, ...]) -> str:
    return json.dumps(keywords, ensure_ascii=False, separators=(",", ":"))


def _find(cursor: Cursor, account: int, keywords: tuple[str, ...]) -> int:
    return number(
        cursor,
        "SELECT number FROM keyword_set WHERE account = :account AND names = :names",
        {"account": account, "names": _text(keywords)},
    )


def _add(tx: Transaction, account: int, keywords: tuple[str, ...]) -> int:
    fresh = number(
        tx.cursor,
        "UPDATE usage SET keyword_sets = keyword_sets + 1 WHERE account = :account"
        " RETURNING keyword_sets",
        {"account": account},
    )
    if fresh > MAX_SETS:
        raise LimitReached("Too many keyword sets")
    tx.execute(
        "INSERT INTO keyword_set (account, number, names) VALUES (:account, :number, :names)",
        {"account": account, "number": fresh, "names": _text(keywords)},
    )
    tx.tell(KeywordSet(account, fresh, keywords))
    return fresh
