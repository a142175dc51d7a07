"""Rows of the processes that share a database, and of what only one of them does at a time.

All of it happens in commits, which follow one another, and by the database's clock: `moment` reads
it, in milliseconds. What a process makes of its rows is `nodes`'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailhub import __version__
from mailhub.model.node import Node, NodeState
from mailhub.store.postgres import stepping
from mailhub.store.postgres.steps import STEPS, newest
from mailhub.store.sql import Cursor, Row, array_text, number, put_rows
from mailhub.store.transaction import Transaction

TABLES = (
    # Processes that share this database. place: the data folder that it has for itself, so a new
    # process there says that the one before is gone. step: the newest step of the schema that it
    # knows. several: whether it can have others beside it. seen: when it was heard of last.
    """
    CREATE TABLE node (
        name TEXT NOT NULL PRIMARY KEY,
        place TEXT NOT NULL,
        host TEXT NOT NULL,
        version TEXT NOT NULL,
        step BIGINT NOT NULL,
        several BIGINT NOT NULL,
        state TEXT NOT NULL,
        started BIGINT NOT NULL,
        seen BIGINT NOT NULL,
        addresses TEXT NOT NULL
    )
    """,
    # What one of them does at a time. expires: until when its holder has it; 0: given back. fence:
    # greater with each turn. The row stays when nobody has it.
    """
    CREATE TABLE lease (
        name TEXT NOT NULL PRIMARY KEY,
        holder TEXT NOT NULL,
        expires BIGINT NOT NULL,
        fence BIGINT NOT NULL
    )
    """,
)
LIFE = 10_000
"""Milliseconds that a lease lasts, unless it is renewed."""
DEAD = 12_000
"""Milliseconds after which a process that was not heard of is taken for dead."""
FORGET = 600_000
"""Milliseconds after which it is forgotten: what hangs for longer begins anew."""
_MOMENT = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
_COLUMNS = "name, place, host, version, step, several, state, started, seen, addresses"
_NODES = f"SELECT {_COLUMNS} FROM node ORDER BY started, name"
_PUT = f"INSERT INTO node ({_COLUMNS}) VALUES"
_LEASES = "SELECT name, holder, expires, fence FROM lease"
_SEEN = "UPDATE node SET seen = :now, state = :state WHERE name = :name"

Moment = Callable[[Cursor], int]


@dataclass(frozen=True, slots=True)
class Own:
    """What a process says of itself. `name`: no other process ever had it. `place`: what it has for
    itself alone. `several`: whether it can have others beside it. `step`: see `Node`."""

    name: str
    place: str = ""
    host: str = ""
    several: bool = True
    step: int = newest(STEPS)
    version: str = __version__
    addresses: Sequence[str] = field(default=())


def moment(cursor: Cursor) -> int:
    """The database's clock."""
    return number(cursor, _MOMENT, {})


# -- processes


def join(tx: Transaction, own: Own, moment: Moment) -> Sequence[Node]:
    """Notes the process, if it may be there; else those that are in its way. Raises Outdated
    where the schema is past what it knows."""
    stepping.check(tx.cursor, own.step)
    now = moment(tx.cursor)
    others = [row for row in tx.execute(_NODES, {}).fetchall() if row[0] != own.name]
    gone = [row[0] for row in others if own.place and row[1] == own.place]
    forget(tx, gone)
    held = _held(tx.cursor, now)
    hindering = [
        _node(row, now, held)
        for row in others
        if row[0] not in gone and row[8] > now - DEAD and not (own.several and row[5])
    ]
    if hindering:
        return hindering
    forget(tx, [own.name])
    state = NodeState.STARTING.value
    row = (own.name, own.place, own.host, own.version, own.step, int(own.several), state, now, now)
    put_rows(tx.cursor, _PUT, [(*row, json.dumps(list(own.addresses)))])
    return ()


def forget(tx: Transaction, names: Sequence[str]) -> None:
    """These processes are gone, and have no leases any more."""
    if not names:
        return
    these = {"these": array_text(names), "counters": array_text(f"node {name}" for name in names)}
    tx.execute("DELETE FROM node WHERE name IN (SELECT value FROM json_each(:these))", these)
    tx.execute(
        "UPDATE lease SET expires = 0, holder = '' WHERE holder IN"
        " (SELECT value FROM json_each(:these))",
        these,
    )
    tx.execute("DELETE FROM counter WHERE name IN (SELECT value FROM json_each(:counters))", these)


def leave(tx: Transaction, name: str) -> None:
    """The process ends in good order. Its counter stays for the commit that this is."""
    tx.execute("DELETE FROM node WHERE name = :name", {"name": name})
    tx.execute("UPDATE lease SET expires = 0, holder = '' WHERE holder = :name", {"name": name})


def purge(tx: Transaction, moment: Moment) -> Sequence[str]:
    """Forgets processes that were not heard of for long; their names."""
    before = moment(tx.cursor) - FORGET
    found = tx.execute("SELECT name FROM node WHERE seen < :before", {"before": before}).fetchall()
    names = [name for (name,) in found]
    forget(tx, names)
    return names


def strays(tx: Transaction, before: Mapping[str, int]) -> Mapping[str, int]:
    """Counters of processes that are not among the others, such as a command's that had no server:
    those that stand where they stood `before` go; the rest."""
    found = tx.execute(
        "SELECT name, value FROM counter WHERE name LIKE 'node %'"
        " AND NOT EXISTS (SELECT 1 FROM node AS n WHERE counter.name = 'node ' || n.name)",
        {},
    ).fetchall()
    still = [name for name, value in found if before.get(name) == value]
    if still:
        tx.execute(
            "DELETE FROM counter WHERE name IN (SELECT value FROM json_each(:these))",
            {"these": array_text(still)},
        )
    return {name: value for name, value in found if name not in still}


def everyone(cursor: Cursor, own: str, moment: Moment) -> Sequence[Node]:
    """See `ports.leases.Nodes.all`."""
    now = moment(cursor)
    held = _held(cursor, now)
    return [_node(row, now, held, own) for row in cursor.execute(_NODES, {}).fetchall()]


def _held(cursor: Cursor, now: int) -> Mapping[str, Sequence[str]]:
    held: dict[str, list[str]] = {}
    for name, holder, expires, _ in sorted(cursor.execute(_LEASES, {}).fetchall()):
        if expires > now:
            held.setdefault(holder, []).append(name)
    return held


def _node(row: Row, now: int, held: Mapping[str, Sequence[str]], own: str = "") -> Node:
    name, _, host, version, step, _, state, started, seen, addresses = row
    return Node(
        name=name,
        host=host,
        version=version,
        step=step,
        state=NodeState(state),
        started=started,
        seen=seen,
        addresses=tuple(json.loads(addresses)),
        live=seen > now - DEAD,
        holds=tuple(held.get(name, ())),
        own=name == own,
    )


# -- leases


def beat(
    tx: Transaction, name: str, state: NodeState, wanted: Sequence[str], moment: Moment
) -> Mapping[str, int] | None:
    """The process is there, and has these leases by the number of their turn; None where it was
    forgotten. Those that it wants and nobody has are taken, its own renewed, others given back."""
    now = moment(tx.cursor)
    if not tx.execute(_SEEN, {"now": now, "state": state.value, "name": name}).rowcount:
        return None
    return take(tx, name, wanted, now)


def take(tx: Transaction, name: str, wanted: Sequence[str], now: int) -> Mapping[str, int]:
    """The part of `beat` that is about leases. One that ran out is a new turn, also for who had it
    last: its work was ended."""
    rows = {row[0]: row[1:] for row in tx.execute(_LEASES, {}).fetchall()}
    ours: dict[str, int] = {}
    for lease in wanted:
        holder, expires, fence = rows.get(lease, ("", 0, 0))
        if expires <= now:
            ours[lease] = fence + 1
        elif holder == name:
            ours[lease] = fence
    given = [
        lease for lease, row in rows.items() if row[0] == name and row[1] and lease not in ours
    ]
    put_rows(
        tx.cursor,
        "INSERT INTO lease (name, holder, expires, fence) VALUES",
        [(lease, name, now + LIFE, fence) for lease, fence in ours.items()]
        + [(lease, "", 0, rows[lease][2]) for lease in given],
        "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires,"
        " fence = excluded.fence",
    )
    return ours
