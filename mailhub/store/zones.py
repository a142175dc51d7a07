"""Zones as rows: custom records, secondaries, versions, keys. What a record may be is core's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence

from mailhub.model.change import Actor, ZonesChanged
from mailhub.model.errors import AlreadyExists, Conflict, LimitReached
from mailhub.model.zone import (
    NEXT_KEY_STATE,
    CustomRecord,
    ZoneKey,
    ZoneKeyState,
    ZoneState,
)
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, next_number, number, put_rows
from mailhub.store.transaction import Transaction

AHEAD = (ZoneKeyState.COMING, ZoneKeyState.READY, ZoneKeyState.TRUSTED)
"""States of a key that is to follow the one that signs."""
_PUT = "INSERT INTO zone_record (number, name, kind, value) VALUES"


def records(cursor: Cursor) -> Sequence[CustomRecord]:
    """See `ports.Zones.records`."""
    rows = cursor.execute("SELECT name, kind, value, number FROM zone_record ORDER BY number", {})
    return [CustomRecord(*row) for row in rows.fetchall()]


def add(tx: Transaction, record: CustomRecord, most: int, actor: Actor) -> bool:
    """See `ports.Zones.add`."""
    if record.value in _values(tx.cursor, record.name, record.kind):
        return False
    _put(tx, record.name, record.kind, [record.value], most)
    _told(tx, "added", {"name": record.name, "kind": record.kind, "value": record.value}, actor)
    return True


def replace(
    tx: Transaction, name: str, kind: str, values: Sequence[str], most: int, actor: Actor
) -> bool:
    """See `ports.Zones.replace`."""
    wanted = list(dict.fromkeys(values))
    if _values(tx.cursor, name, kind) == wanted:
        return False
    _delete(tx, name, kind)
    _put(tx, name, kind, wanted, most)
    _told(tx, "set", {"name": name, "kind": kind, "values": wanted}, actor)
    return True


def remove(tx: Transaction, name: str, kind: str, value: str, actor: Actor) -> bool:
    """See `ports.Zones.remove`."""
    known = _values(tx.cursor, name, kind)
    if not known or (value and value not in known):
        return False
    _delete(tx, name, kind, value)
    _told(tx, "removed", {"name": name, "kind": kind, "value": value}, actor)
    return True


def secondaries(cursor: Cursor) -> Sequence[str]:
    """See `ports.Zones.secondaries`."""
    rows = cursor.execute("SELECT name FROM zone_secondary ORDER BY number", {}).fetchall()
    return [row[0] for row in rows]


def set_secondaries(tx: Transaction, names: Sequence[str], actor: Actor) -> bool:
    """See `ports.Zones.set_secondaries`."""
    if list(secondaries(tx.cursor)) == list(names):
        return False
    tx.execute("DELETE FROM zone_secondary", {})
    put_rows(
        tx.cursor,
        "INSERT INTO zone_secondary (number, name) VALUES",
        [(place, name) for place, name in enumerate(names, 1)],
    )
    _told(tx, "secondaries", {"names": list(names)}, actor)
    return True


def states_of(cursor: Cursor) -> Mapping[str, ZoneState]:
    """See `ports.Zones.states`."""
    rows = cursor.execute("SELECT zone, serial, digest, signed FROM zone_state", {}).fetchall()
    return {row[0]: ZoneState(*row) for row in rows}


def publish(
    tx: Transaction, states: Sequence[ZoneState], gone: Sequence[str], actor: Actor
) -> None:
    """See `ports.Zones.publish`."""
    known = states_of(tx.cursor)
    if any(one.zone in known and known[one.zone].serial >= one.serial for one in states):
        raise Conflict("The zone changed meanwhile")
    put_rows(
        tx.cursor,
        "INSERT INTO zone_state (zone, serial, digest, signed) VALUES",
        [(one.zone, one.serial, one.digest, one.signed) for one in states],
        "ON CONFLICT (zone) DO UPDATE SET serial = excluded.serial, digest = excluded.digest,"
        " signed = excluded.signed",
    )
    for zone in gone:
        tx.execute("UPDATE zone_state SET digest = '' WHERE zone = :zone", {"zone": zone})
        tx.execute("DELETE FROM zone_signature WHERE zone = :zone", {"zone": zone})
    serials = {one.zone: one.serial for one in states}
    _told(tx, "published", {"serials": serials, "gone": list(gone)}, actor)


def keys(cursor: Cursor) -> Mapping[str, Sequence[ZoneKey]]:
    """See `ports.Zones.keys`."""
    rows = cursor.execute(
        "SELECT zone, private, public, created, state, since FROM zone_signing_key"
        " ORDER BY created, public",
        {},
    ).fetchall()
    found: dict[str, list[ZoneKey]] = {}
    for zone, private, public, created, state, since in rows:
        key = ZoneKey(zone, private, public, created, ZoneKeyState(state), since)
        found.setdefault(zone, []).append(key)
    return found


def add_key(tx: Transaction, key: ZoneKey, actor: Actor) -> None:
    """See `ports.Zones.add_key`."""
    for one in keys(tx.cursor).get(key.zone, ()):
        if one.state is key.state or (one.state in AHEAD and key.state in AHEAD):
            raise AlreadyExists("This zone has such a key already", "zone")
    tx.execute(
        "INSERT INTO zone_signing_key (zone, public, private, created, state, since)"
        " VALUES (:zone, :public, :private, :created, :state, :since)",
        {
            "zone": key.zone,
            "public": key.public,
            "private": key.private,
            "created": key.created,
            "state": key.state.value,
            "since": key.since,
        },
    )
    _told(tx, "key", {"zone": key.zone, "public": key.public, "state": key.state.value}, actor)


def move_keys(
    tx: Transaction,
    zone: str,
    moved: Mapping[str, ZoneKeyState | None],
    now: int,
    actor: Actor,
) -> None:
    """See `ports.Zones.move_keys`."""
    known = {one.public: one.state for one in keys(tx.cursor).get(zone, ())}
    for public, state in moved.items():
        if public not in known or NEXT_KEY_STATE[known[public]] is not state:
            raise Conflict("The zone's keys changed meanwhile")
        given = {"zone": zone, "public": public}
        if state is None:
            tx.execute(
                "DELETE FROM zone_signing_key WHERE zone = :zone AND public = :public", given
            )
        else:
            tx.execute(
                "UPDATE zone_signing_key SET state = :state, since = :since"
                " WHERE zone = :zone AND public = :public",
                {**given, "state": state.value, "since": now},
            )
        said = "removed" if state is None else state.value
        _told(tx, "key", {"zone": zone, "public": public, "state": said}, actor)


def signatures(cursor: Cursor, zone: str) -> bytes:
    """See `ports.Zones.signatures`."""
    row = cursor.execute(
        "SELECT kept FROM zone_signature WHERE zone = :zone", {"zone": zone}
    ).fetchone()
    return bytes(row[0]) if row is not None else b""


def keep_signatures(tx: Transaction, zone: str, kept: bytes) -> None:
    """See `ports.Zones.keep_signatures`."""
    tx.execute(
        "INSERT INTO zone_signature (zone, kept) VALUES (:zone, :kept)"
        " ON CONFLICT (zone) DO UPDATE SET kept = excluded.kept",
        {"zone": zone, "kept": kept},
    )


def personal(cursor: Cursor) -> frozenset[str]:
    """See `ports.Zones.personal`."""
    rows = cursor.execute(
        "SELECT json_group_array(DISTINCT domain) FROM address WHERE account IS NOT NULL", {}
    ).fetchone()
    return frozenset(json.loads(rows[0]))


def _values(cursor: Cursor, name: str, kind: str) -> list[str]:
    rows = cursor.execute(
        "SELECT value FROM zone_record WHERE name = :name AND kind = :kind ORDER BY number",
        {"name": name, "kind": kind},
    ).fetchall()
    return [row[0] for row in rows]


def _put(tx: Transaction, name: str, kind: str, values: Sequence[str], most: int) -> None:
    if number(tx.cursor, "SELECT count(*) FROM zone_record", {}) + len(values) > most:
        raise LimitReached(f"There are {most} custom records already")
    first = next_number(tx.cursor, "zone_record", len(values))
    rows = [(place, name, kind, value) for place, value in enumerate(values, first)]
    put_rows(tx.cursor, _PUT, rows)


def _delete(tx: Transaction, name: str, kind: str, value: str = "") -> None:
    tx.execute(
        "DELETE FROM zone_record WHERE name = :name AND kind = :kind"
        " AND (:value = '' OR value = :value)",
        {"name": name, "kind": kind, "value": value},
    )


def _told(tx: Transaction, what: str, detail: Mapping[str, object], actor: Actor) -> None:
    entry = tx.journal("zoneschanged", actor, detail=json.dumps({"what": what, **detail}))
    tx.tell(ZonesChanged(entry))


class ZoneService:
    """`ports.Zones`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def records(self) -> Awaitable[Sequence[CustomRecord]]:
        return self._runner.read(records)

    def add(self, record: CustomRecord, most: int, actor: Actor) -> Awaitable[bool]:
        return self._runner.write(add, record, most, actor)

    def replace(
        self, name: str, kind: str, values: Sequence[str], most: int, actor: Actor
    ) -> Awaitable[bool]:
        return self._runner.write(replace, name, kind, values, most, actor)

    def remove(self, name: str, kind: str, value: str, actor: Actor) -> Awaitable[bool]:
        return self._runner.write(remove, name, kind, value, actor)

    def secondaries(self) -> Awaitable[Sequence[str]]:
        return self._runner.read(secondaries)

    def set_secondaries(self, names: Sequence[str], actor: Actor) -> Awaitable[bool]:
        return self._runner.write(set_secondaries, names, actor)

    def states(self) -> Awaitable[Mapping[str, ZoneState]]:
        return self._runner.read(states_of)

    def publish(
        self, states: Sequence[ZoneState], gone: Sequence[str], actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(publish, states, gone, actor)

    def keys(self) -> Awaitable[Mapping[str, Sequence[ZoneKey]]]:
        return self._runner.read(keys)

    def add_key(self, key: ZoneKey, actor: Actor) -> Awaitable[None]:
        return self._runner.write(add_key, key, actor)

    def move_keys(
        self, zone: str, moved: Mapping[str, ZoneKeyState | None], now: int, actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(move_keys, zone, moved, now, actor)

    def signatures(self, zone: str) -> Awaitable[bytes]:
        return self._runner.read(signatures, zone)

    def keep_signatures(self, zone: str, kept: bytes) -> Awaitable[None]:
        return self._runner.write(keep_signatures, zone, kept)

    def personal(self) -> Awaitable[frozenset[str]]:
        return self._runner.read(personal)
