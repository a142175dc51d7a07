"""Accounts whose mail still lives on another server, as rows. What follows from it is core's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence

from mailhub.model.change import Actor, ElsewhereChanged
from mailhub.model.elsewhere import ELSEWHERE_LANES, Door, Elsewhere, Phase
from mailhub.model.errors import NotFound
from mailhub.store import queue
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, Row, array_text, number, numbers_in
from mailhub.store.transaction import Transaction, found
from mailhub.wire import door

_COLUMNS = "account, name, imap, pop3, mail, phase, since, learned"
(_PREFIX,) = ELSEWHERE_LANES
_AWAY_PHASES = (Phase.ELSEWHERE.value, Phase.MOVING.value)
_AWAY = f"phase <> '{Phase.HERE.value}'"


def get(cursor: Cursor, account: int) -> Elsewhere | None:
    """See `ports.Elsewheres.get`."""
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM elsewhere WHERE account = :account", {"account": account}
    ).fetchone()
    return None if row is None else _elsewhere(row)


def among(cursor: Cursor, accounts: Sequence[int]) -> Mapping[int, Elsewhere]:
    """See `ports.Elsewheres.among`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM elsewhere WHERE account IN {numbers_in('accounts')} AND {_AWAY}",
        {"accounts": array_text(accounts)},
    ).fetchall()
    return {row[0]: _elsewhere(row) for row in rows}


def page(cursor: Cursor, after: int, limit: int) -> Sequence[Elsewhere]:
    """See `ports.Elsewheres.page`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM elsewhere WHERE account > :after ORDER BY account LIMIT :limit",
        {"after": after, "limit": limit},
    ).fetchall()
    return [_elsewhere(row) for row in rows]


def any_away(cursor: Cursor) -> bool:
    """See `ports.Elsewheres.any`."""
    row = cursor.execute(f"SELECT 1 FROM elsewhere WHERE {_AWAY} LIMIT 1", {}).fetchone()
    return row is not None


def put(tx: Transaction, one: Elsewhere, actor: Actor) -> None:
    """See `ports.Elsewheres.put`."""
    account = {"account": one.account}
    if not number(tx.cursor, "SELECT count(*) FROM account WHERE number = :account", account):
        raise NotFound("No such account")
    values = {
        **account,
        "name": one.name,
        "imap": door.text(one.imap),
        "pop3": door.text(one.pop3),
        "mail": door.text(one.mail),
        "phase": one.phase.value,
        "since": one.since,
        "learned": one.learned,
    }
    tx.execute(
        f"INSERT INTO elsewhere ({_COLUMNS}) VALUES (:account, :name, :imap, :pop3, :mail, :phase,"
        " :since, :learned) ON CONFLICT (account) DO UPDATE SET name = :name, imap = :imap,"
        " pop3 = :pop3, mail = :mail, phase = :phase, since = :since, learned = :learned",
        values,
    )
    _told(tx, one.account, one.phase.value, actor, {**values, "phase": one.phase.value})


def learned(tx: Transaction, account: int, auth_version: int, actor: Actor) -> None:
    """See `ports.Elsewheres.learned`."""
    tx.execute(
        f"UPDATE elsewhere SET learned = :version WHERE account = :account AND {_AWAY}",
        {"account": account, "version": auth_version},
    )
    tx.journal("passwordlearned", actor, account)


def remove(tx: Transaction, account: int, actor: Actor) -> None:
    """See `ports.Elsewheres.remove`."""
    sql = "DELETE FROM elsewhere WHERE account = :account"
    found(tx.execute(sql, {"account": account}), "account at another server")
    _told(tx, account, "", actor, {})


def _told(
    tx: Transaction, account: int, phase: str, actor: Actor, detail: Mapping[str, object]
) -> None:
    """Journals and tells it, and makes due at once what waits in the queue for the account."""
    text = json.dumps({**detail, "phase": phase})
    entry = tx.journal("elsewherechanged", actor, account, detail=text)
    tx.tell(ElsewhereChanged(entry, account, phase))
    waiting = tx.execute(
        "SELECT number, recipient FROM queue_entry WHERE home = :account"
        " AND substr(lane, 1, :length) = :prefix ORDER BY number",
        {"account": account, "length": len(_PREFIX), "prefix": _PREFIX},
    ).fetchall()
    if not waiting:
        return
    if phase not in _AWAY_PHASES:
        # The other server's lane may rest because nobody answers there: what is for here does not.
        for lane in {queue.folded(row[1])[1] for row in waiting}:
            numbers = [row[0] for row in waiting if queue.folded(row[1])[1] == lane]
            tx.execute(
                f"UPDATE queue_entry SET lane = :lane WHERE number IN {numbers_in('numbers')}",
                {"lane": lane, "numbers": array_text(numbers)},
            )
    queue.retry(tx, [row[0] for row in waiting], tx.now, actor)


def _elsewhere(row: Row) -> Elsewhere:
    account, name, imap, pop3, mail, phase, since, learned = row
    return Elsewhere(
        account,
        name,
        _door(imap, "imap"),
        _door(pop3, "pop3"),
        _door(mail, "smtp", "lmtp"),
        Phase(phase),
        since,
        learned,
    )


def _door(url: str, *protocols: str) -> Door | None:
    return door.parse(url, protocols, "url") if url else None


class ElsewhereService:
    """`ports.Elsewheres`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def get(self, account: int) -> Awaitable[Elsewhere | None]:
        return self._runner.read(get, account)

    def among(self, accounts: Sequence[int]) -> Awaitable[Mapping[int, Elsewhere]]:
        return self._runner.read(among, accounts)

    def page(self, *, after: int = 0, limit: int = 100) -> Awaitable[Sequence[Elsewhere]]:
        return self._runner.read(page, after, limit)

    def any(self) -> Awaitable[bool]:
        return self._runner.read(any_away)

    def put(self, one: Elsewhere, actor: Actor) -> Awaitable[None]:
        return self._runner.write(put, one, actor)

    def learned(self, account: int, auth_version: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(learned, account, auth_version, actor)

    def remove(self, account: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(remove, account, actor)
