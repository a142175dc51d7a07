"""Signing keys as rows. What a state means, and when a key changes it, is core's."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import Actor, ZonesChanged
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.store.sql import Cursor, array_text, next_number, number, put_rows
from mailhub.store.transaction import Transaction

_COLUMNS = "domain, selector, algorithm, private, public, state, created, changed"
_THESE = "WHERE domain = :domain AND selector IN (SELECT value FROM json_each(:selectors))"


def every(cursor: Cursor, domain: str) -> Sequence[DkimKey]:
    """See `ports.DkimKeys.all`."""
    narrowed = "WHERE domain = :domain" if domain else ""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM dkim_key {narrowed} ORDER BY created DESC, number DESC",
        {"domain": domain},
    ).fetchall()
    return [
        DkimKey(domain, selector, algorithm, private, public, KeyState(state), created, changed)
        for domain, selector, algorithm, private, public, state, created, changed in rows
    ]


def add(tx: Transaction, keys: Sequence[DkimKey], actor: Actor) -> None:
    """See `ports.DkimKeys.add`."""
    places = {(key.domain, key.selector) for key in keys}
    taken = [_count(tx.cursor, domain, [selector]) for domain, selector in places]
    if any(taken) or len(places) != len(keys):
        raise AlreadyExists("This selector is used already", "selector")
    first = next_number(tx.cursor, "dkim_key", len(keys))
    put_rows(
        tx.cursor,
        f"INSERT INTO dkim_key (number, {_COLUMNS}) VALUES",
        [
            (
                place,
                key.domain,
                key.selector,
                key.algorithm,
                key.private,
                key.public,
                key.state.value,
                key.created,
                key.changed,
            )
            for place, key in enumerate(keys, first)
        ],
    )
    for key in keys:
        _note(tx, "created", key.domain, [key.selector], actor)


def move(
    tx: Transaction, domain: str, selectors: Sequence[str], state: KeyState, actor: Actor
) -> None:
    """See `ports.DkimKeys.move`."""
    _require(tx.cursor, domain, selectors)
    tx.execute(
        f"UPDATE dkim_key SET state = :state, changed = :now {_THESE}",
        {
            "state": state.value,
            "now": tx.now,
            "domain": domain,
            "selectors": array_text(selectors),
        },
    )
    _note(tx, state.value, domain, selectors, actor)


def remove(tx: Transaction, domain: str, selectors: Sequence[str], actor: Actor) -> None:
    """Raises NotFound."""
    _require(tx.cursor, domain, selectors)
    key = {"domain": domain, "selectors": array_text(selectors)}
    tx.execute(f"DELETE FROM dkim_key {_THESE}", key)
    _note(tx, "removed", domain, selectors, actor)


def _count(cursor: Cursor, domain: str, selectors: Sequence[str]) -> int:
    key = {"domain": domain, "selectors": array_text(selectors)}
    return number(cursor, f"SELECT count(*) FROM dkim_key {_THESE}", key)


def _require(cursor: Cursor, domain: str, selectors: Sequence[str]) -> None:
    if _count(cursor, domain, selectors) != len(set(selectors)):
        raise NotFound("No such key")


def _note(tx: Transaction, what: str, domain: str, selectors: Sequence[str], actor: Actor) -> None:
    detail = {"what": what, "domain": domain, "selectors": list(selectors)}
    tx.tell(ZonesChanged(tx.journal("dkimkeyschanged", actor, detail=json.dumps(detail))))
