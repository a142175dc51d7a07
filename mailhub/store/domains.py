"""Domain rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.address import Domain
from mailhub.model.change import Actor, AddressesChanged
from mailhub.model.errors import AlreadyExists, InUse, NotFound
from mailhub.store.sql import Cursor, Row, next_number
from mailhub.store.transaction import Transaction

_SELECT = (
    "SELECT number, id, name, alias_of, delimiter, ignore_dots, catch_all, created, relay"
    " FROM domain"
)


def _domain(row: Row) -> Domain:
    number, id, name, alias_of, delimiter, ignore_dots, catch_all, created, relay = row
    dots = bool(ignore_dots)
    return Domain(number, id, name, alias_of, delimiter, dots, catch_all, created, bool(relay))


def get(cursor: Cursor, name: str) -> Domain | None:
    """The domain of this name."""
    row = cursor.execute(f"{_SELECT} WHERE name = :name", {"name": name}).fetchone()
    return _domain(row) if row is not None else None


def every(cursor: Cursor) -> Sequence[Domain]:
    """All domains by name."""
    return [_domain(row) for row in cursor.execute(f"{_SELECT} ORDER BY name", {}).fetchall()]


def _columns(domain: Domain) -> dict[str, object]:
    return {
        "name": domain.name,
        "alias_of": domain.alias_of,
        "delimiter": domain.delimiter,
        "ignore_dots": int(domain.ignore_dots),
        "catch_all": domain.catch_all,
        "relay": int(domain.relay),
    }


def add(tx: Transaction, domain: Domain, actor: Actor) -> Domain:
    """Stores it under a fresh number. Raises AlreadyExists."""
    if get(tx.cursor, domain.name) is not None:
        raise AlreadyExists("This domain exists already", "domain")
    tx.execute(
        "INSERT INTO domain (number, id, name, alias_of, delimiter, ignore_dots, catch_all,"
        " created, relay) VALUES (:number, :id, :name, :alias_of, :delimiter, :ignore_dots,"
        " :catch_all, :created, :relay)",
        _columns(domain)
        | {"number": next_number(tx.cursor, "domain"), "id": domain.id, "created": domain.created},
    )
    return _told(tx, "created", domain.name, actor)


def replace(tx: Transaction, domain: Domain, actor: Actor) -> Domain:
    """Stores every field but `id` and `created`. Raises NotFound, AlreadyExists (a new name)."""
    other = get(tx.cursor, domain.name)
    if other is not None and other.number != domain.number:
        raise AlreadyExists("This domain exists already", "domain")
    changed = tx.execute(
        "UPDATE domain SET name = :name, alias_of = :alias_of, delimiter = :delimiter,"
        " ignore_dots = :ignore_dots, catch_all = :catch_all, relay = :relay"
        " WHERE number = :number",
        _columns(domain) | {"number": domain.number},
    )
    if changed.rowcount == 0:
        raise NotFound("No such domain")
    return _told(tx, "updated", domain.name, actor)


def remove(tx: Transaction, name: str, actor: Actor) -> None:
    """Raises NotFound, and InUse while addresses stand in it or another is its alias."""
    if get(tx.cursor, name) is None:
        raise NotFound("No such domain")
    used = tx.execute(
        "SELECT 1 FROM address WHERE domain = :name"
        " UNION ALL SELECT 1 FROM domain WHERE alias_of = :name LIMIT 1",
        {"name": name},
    ).fetchone()
    if used is not None:
        raise InUse("Addresses or aliases of this domain exist")
    tx.execute("DELETE FROM domain WHERE name = :name", {"name": name})
    _journal(tx, "removed", name, actor)


def _journal(tx: Transaction, what: str, name: str, actor: Actor) -> None:
    detail = json.dumps({"what": what, "domain": name})
    tx.tell(AddressesChanged(tx.journal("addresseschanged", actor, detail=detail), "domain", name))


def _told(tx: Transaction, what: str, name: str, actor: Actor) -> Domain:
    after = get(tx.cursor, name)
    if after is None:
        raise NotFound("No such domain")
    _journal(tx, what, name, actor)
    return after
