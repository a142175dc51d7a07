"""Routes, networks that may relay, and recipients that nothing is sent to, as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from mailhub.model.change import Actor, RoutesChanged
from mailhub.model.errors import AlreadyExists
from mailhub.model.queue import Suppression
from mailhub.model.route import Route, TLSLevel
from mailhub.store.sql import Cursor, Row, array_text, next_number, storable
from mailhub.store.transaction import Transaction, found

_ROUTE = (
    "number, destination, host, port, sender, account, priority, weight, sources, spread,"
    " username, password, tls, created"
)


def _route(row: Row) -> Route:
    number, destination, host, port, sender, account, priority, weight, sources, *rest = row
    spread, username, password, tls, created = rest
    return Route(
        number=number,
        destination=destination,
        host=host,
        port=port,
        sender=sender,
        account=account,
        priority=priority,
        weight=weight,
        sources=tuple(json.loads(sources)),
        spread=bool(spread),
        username=username,
        password=password,
        tls=TLSLevel(tls),
        created=created,
    )


def every(cursor: Cursor) -> Sequence[Route]:
    """All routes, in the order they were added."""
    rows = cursor.execute(f"SELECT {_ROUTE} FROM route ORDER BY number", {}).fetchall()
    return [_route(row) for row in rows]


def add(tx: Transaction, route: Route, actor: Actor) -> Route:
    """Stores it under a fresh number."""
    stored = replace(route, number=next_number(tx.cursor, "route"))
    tx.execute(
        f"INSERT INTO route ({_ROUTE}) VALUES (:number, :destination, :host, :port, :sender,"
        " :account, :priority, :weight, :sources, :spread, :username, :password, :tls, :created)",
        {
            "number": stored.number,
            "destination": route.destination,
            "host": route.host,
            "port": route.port,
            "sender": route.sender,
            "account": route.account,
            "priority": route.priority,
            "weight": route.weight,
            "sources": json.dumps(route.sources),
            "spread": int(route.spread),
            "username": route.username,
            "password": route.password,
            "tls": route.tls.value,
            "created": route.created,
        },
    )
    _note(tx, "created", actor, route=stored.number, destination=route.destination)
    return stored


def remove(tx: Transaction, number: int, actor: Actor) -> None:
    """Entries that were sent over it go as the routes say again. Raises NotFound."""
    key = {"number": number}
    found(tx.execute("DELETE FROM route WHERE number = :number", key), "route")
    tx.execute("UPDATE queue_entry SET route = 0 WHERE route = :number", key)
    _note(tx, "removed", actor, route=number)


# -- networks that may relay


def networks(cursor: Cursor) -> Sequence[str]:
    """See `ports.Routes.networks`."""
    rows = cursor.execute("SELECT network FROM relay_network ORDER BY number", {}).fetchall()
    return [row[0] for row in rows]


def allow(tx: Transaction, network: str, actor: Actor) -> None:
    """Raises AlreadyExists."""
    if network in networks(tx.cursor):
        raise AlreadyExists("This network may relay already", "network")
    tx.execute(
        "INSERT INTO relay_network (number, network) VALUES (:number, :network)",
        {"number": next_number(tx.cursor, "relay_network"), "network": network},
    )
    _note(tx, "created", actor, network=network)


def disallow(tx: Transaction, network: str, actor: Actor) -> None:
    """Raises NotFound."""
    sql = "DELETE FROM relay_network WHERE network = :network"
    found(tx.execute(sql, {"network": network}), "network")
    _note(tx, "removed", actor, network=network)


# -- suppressions

_SUPPRESSION = "key, status, reply, created"


def suppressed(cursor: Cursor, keys: Sequence[str]) -> Sequence[Suppression]:
    """See `ports.Routes.suppressed`."""
    rows = cursor.execute(
        f"SELECT {_SUPPRESSION} FROM suppression"
        " WHERE key IN (SELECT value FROM json_each(:keys)) ORDER BY key",
        {"keys": array_text(keys)},
    ).fetchall()
    return [Suppression(*row) for row in rows]


def suppressed_keys(cursor: Cursor, limit: int) -> Sequence[str]:
    """At most `limit` of all that are suppressed."""
    rows = cursor.execute("SELECT key FROM suppression LIMIT :limit", {"limit": limit}).fetchall()
    return [key for (key,) in rows]


def suppressions(cursor: Cursor, after: str, limit: int) -> Sequence[Suppression]:
    """Those with key > after, in key order."""
    rows = cursor.execute(
        f"SELECT {_SUPPRESSION} FROM suppression WHERE key > :after ORDER BY key LIMIT :limit",
        {"after": after, "limit": limit},
    ).fetchall()
    return [Suppression(*row) for row in rows]


def suppress(tx: Transaction, one: Suppression, actor: Actor) -> None:
    """Adds or replaces it."""
    tx.execute(
        f"INSERT INTO suppression ({_SUPPRESSION}) VALUES (:key, :status, :reply, :created)"
        " ON CONFLICT (key) DO UPDATE SET status = :status, reply = :reply, created = :created",
        {
            "key": one.key,
            "status": one.status,
            "reply": storable(one.reply),
            "created": one.created,
        },
    )
    _note(tx, "created", actor, suppressed=one.key)


def unsuppress(tx: Transaction, key: str, actor: Actor) -> None:
    """Raises NotFound."""
    found(tx.execute("DELETE FROM suppression WHERE key = :key", {"key": key}), "suppression")
    _note(tx, "removed", actor, suppressed=key)


def _note(tx: Transaction, what: str, actor: Actor, **of: object) -> None:
    detail = json.dumps({"what": what, **of})
    added = str(of.get("suppressed", "")) if what == "created" else ""
    tx.tell(RoutesChanged(tx.journal("routeschanged", actor, detail=detail), added))
