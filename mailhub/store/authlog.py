"""The log of what concerns logins, as rows: events that are alike share one for six hours.

Every change of what proves a login writes its row here in its own commit. Nothing is decided by
what stands here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from mailhub.model.change import Actor
from mailhub.model.identity import AuthEntry, AuthEvent, Login, LoginNote
from mailhub.store.sql import Cursor, Row, number, one_moment, storable
from mailhub.store.transaction import Transaction

BUCKET = 6 * 3600
"""Seconds within which events that are alike share a row."""
LIFE = 30 * 86400
"""Seconds that a row is kept."""
KEPT = 10_000
"""Most rows of one account: who is attacked from a million addresses keeps the newest."""
STEP = 300
SCAN = 20_000
"""Rows that are looked at for one page of everybody's: some 20 ms of a reading thread."""
_PROTOCOLS = {"http": "API", "mailhub": "shell"}
"""By the first word of an actor's source; others are named by it."""
_TEXT = 255
"""Longest text of one column, in characters."""
_COLUMNS = (
    "number, id, action, result, source, protocol, ip, session, target, target_name, events,"
    " created, last, expires"
)


def event(tx: Transaction, account: int, happened: AuthEvent, actor: Actor) -> None:
    """See `ports.AuthLog.event`."""
    tx.journal("authevent", actor, account, detail=_detail(happened))
    put(tx, account, happened)


def done(tx: Transaction, account: int, action: str, actor: Actor, **target: str) -> None:
    """An act on what proves a login succeeded, in this commit. `target`, `target_name`: of it."""
    put(tx, account, by(actor, action, "success", **target))


def by(actor: Actor, action: str, result: str, **target: str) -> AuthEvent:
    """The event that `actor` brought about."""
    word, _, address = actor.source.partition(" ")
    protocol = _PROTOCOLS.get(word) or word.upper()
    ip = actor.ip or ("" if word in ("", "http", "mailhub") else address)
    return AuthEvent(action, result, actor.source, protocol, ip, actor.session, **target)


def put(tx: Transaction, account: int, happened: AuthEvent, count: int = 1) -> str:
    """One row more, or one event more in a row, and its id; none where the account is gone."""
    values = {name: storable(text)[:_TEXT] for name, text in _texts(happened).items()}
    alike = [value for name, value in values.items() if name not in ("source", "target_name")]
    kin = hashlib.sha256(json.dumps([tx.now // BUCKET, *alike]).encode()).digest()[:16]
    key: dict[str, object] = {"account": account, "kin": kin, "count": count, "now": tx.now}
    again = tx.execute(
        "UPDATE authlog SET events = events + :count, last = :now"
        " WHERE account = :account AND kin = :kin RETURNING id",
        key,
    ).fetchone()
    if again is not None:
        return str(again[0])
    place = 1 + number(
        tx.cursor, "SELECT max(number) FROM authlog WHERE account = :account", {"account": account}
    )
    id = f"{tx.now & 0xFFFFFFFF:08x}{tx.journal_number & 0xFFFFFFFF:08x}{place & 0xFFFFFFFF:08x}"
    tx.execute(
        f"INSERT INTO authlog (account, kin, {_COLUMNS})"
        " SELECT :account, :kin, :number, :id, :action, :result, :source, :protocol, :ip,"
        " :session, :target, :target_name, :count, :now, :now, :expires"
        " WHERE EXISTS (SELECT 1 FROM account WHERE number = :account)",
        {**key, **values, "number": place, "id": id, "expires": tx.now + LIFE},
    )
    tx.execute(
        "DELETE FROM authlog WHERE account = :account AND number <= :oldest",
        {"account": account, "oldest": place - KEPT},
    )
    return id


def note(tx: Transaction, notes: Sequence[LoginNote]) -> None:
    """See `ports.AuthLog.note`."""
    for one in notes:
        if one.kind:
            actor = Actor(one.account, one.event.source)
            tx.journal(one.kind, actor, one.account, detail=one.detail)
        id = put(tx, one.account, one.event, one.count)
        if one.app_password:
            tx.execute(
                "UPDATE app_password SET last_used = :now, last_address = :address,"
                " last_event = :event,"
                " expires = CASE WHEN ttl > 0 THEN :now + ttl ELSE 0 END"
                " WHERE account = :account AND number = :number",
                {
                    "account": one.account,
                    "number": one.app_password,
                    "now": tx.now,
                    "address": one.event.ip,
                    "event": id,
                },
            )


@one_moment
def page(
    cursor: Cursor,
    account: int,
    after: int,
    before: int,
    limit: int,
    action: str,
    session: str,
    ip: str,
) -> tuple[Sequence[AuthEntry], int]:
    """See `ports.AuthLog.page`."""
    parameters: dict[str, object] = {
        "account": account,
        "after": after,
        "before": before,
        "limit": limit,
    }
    matching = "WHERE account = :account"
    for name, wanted in (("action", action), ("session", session), ("ip", ip)):
        if wanted:
            matching += f" AND {name} = :{name}"
            parameters[name] = storable(wanted)
    span = "ORDER BY number DESC LIMIT :limit"
    if before:
        span = f"AND number < :before {span}"
    elif after:
        span = "AND number > :after ORDER BY number LIMIT :limit"
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM authlog {matching} {span}", parameters
    ).fetchall()
    total = number(cursor, f"SELECT count(*) FROM authlog {matching}", parameters)
    newest_first = reversed(rows) if after and not before else rows
    return [_entry(row) for row in newest_first], total


_EVERYBODY = (
    "SELECT {account}, coalesce(a.id, ''), coalesce(a.username, ''), {columns} FROM"
    f" (SELECT account, {_COLUMNS} FROM authlog WHERE {{whose}} ORDER BY {{order}} DESC"
    " LIMIT :scan) AS l LEFT JOIN account AS a ON a.number = l.account WHERE {which}"
    " ORDER BY l.{order} DESC LIMIT :limit"
)


def everybody(
    cursor: Cursor, account: int | None, ip: str, failures: bool, before: str, limit: int
) -> tuple[Sequence[Login], str]:
    """See `ports.AuthLog.everybody`. Ids grow with time, and of one account with its numbers."""
    key: dict[str, object] = {"account": account, "before": before or "~", "ip": storable(ip)}
    whose = "id < :before" + ("" if account is None else " AND account = :account")
    which = "substr(l.ip, 1, length(:ip)) = :ip"
    if failures:
        which += " AND l.result <> 'success'"
    order = "id" if account is None else "number"
    columns = ", ".join(f"l.{name}" for name in _COLUMNS.split(", "))
    sql = _EVERYBODY.format(
        account="l.account", columns=columns, whose=whose, which=which, order=order
    )
    rows = cursor.execute(sql, {**key, "scan": SCAN, "limit": limit}).fetchall()
    found = [Login(number, id, name, _entry(tuple(row))) for number, id, name, *row in rows]
    if len(found) >= limit:
        return found, found[-1].entry.id
    last = cursor.execute(
        f"SELECT id FROM authlog WHERE {whose} ORDER BY {order} DESC LIMIT 1 OFFSET :scan",
        {**key, "scan": SCAN - 1},
    ).fetchone()
    return found, str(last[0]) if last is not None else ""


def get(cursor: Cursor, account: int, id: str) -> AuthEntry | None:
    """The entry with this 24-hex id."""
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM authlog WHERE account = :account AND id = :id",
        {"account": account, "id": id},
    ).fetchone()
    return _entry(row) if row is not None else None


def purge(tx: Transaction) -> bool:
    """Drops some rows whose time is over; whether there were some."""
    gone = tx.execute(
        "DELETE FROM authlog WHERE (account, number) IN (SELECT account, number FROM authlog"
        " WHERE expires <= :now ORDER BY expires LIMIT :step)",
        {"now": tx.now, "step": STEP},
    )
    return gone.rowcount > 0


def _texts(happened: AuthEvent) -> dict[str, str]:
    return {name: getattr(happened, name) for name in AuthEvent.__slots__}


def _detail(happened: AuthEvent) -> str:
    return json.dumps({name: text for name, text in _texts(happened).items() if text})


def _entry(row: Row) -> AuthEntry:
    place, id, action, result, source, protocol, ip, session, target, name, *rest = row
    happened = AuthEvent(action, result, source, protocol, ip, session, target, name)
    return AuthEntry(place, id, happened, *rest)
