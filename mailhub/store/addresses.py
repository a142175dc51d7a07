"""Address rows: an account's own addresses, aliases and wildcards, found by their key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailhub.model.address import Address, NewAddress
from mailhub.model.change import Actor, AddressesChanged
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.store.sql import Cursor, Row, array_text, like, next_number, number, one_moment, span
from mailhub.store.transaction import Transaction

_SELECT = (
    "SELECT d.number, d.id, d.address, d.key, d.account, d.targets, d.name, d.main, d.created,"
    " d.program, d.minilist, d.tags, d.limit_forwards, d.senders, d.diverted FROM address d"
)

_MATCHING = (
    " WHERE (:domain = '' OR d.domain = :domain)"
    " AND (:query = '' OR d.address LIKE :pattern ESCAPE '\\')"
    " AND (:tags = '[]' OR EXISTS (SELECT 1 FROM json_each(d.tags) AS has"
    " JOIN json_each(:tags) AS wanted ON lower(has.value) = lower(wanted.value)))"
    " AND NOT EXISTS (SELECT 1 FROM json_each(:required) AS wanted WHERE lower(wanted.value)"
    " NOT IN (SELECT lower(has.value) FROM json_each(d.tags) AS has))"
)


def _address(row: Row) -> Address:
    number, id, address, key, account, targets, name, main, created, *rest = row
    program, minilist, tags, forwards, senders, diverted = rest
    return Address(
        number=number,
        id=id,
        address=address,
        key=key,
        account=account,
        targets=tuple(json.loads(targets)),
        name=name,
        main=bool(main),
        created=created,
        program=tuple(json.loads(program)),
        minilist=bool(minilist),
        tags=tuple(json.loads(tags)),
        forwards=forwards,
        senders=tuple(json.loads(senders)),
        diverted=bool(diverted),
    )


def _one(cursor: Cursor, condition: str, parameters: Mapping[str, object]) -> Address | None:
    row = cursor.execute(f"{_SELECT} {condition}", parameters).fetchone()
    return _address(row) if row is not None else None


def get(cursor: Cursor, key: str) -> Address | None:
    """The address with this look-up key."""
    return _one(cursor, "WHERE d.key = :key", {"key": key})


def by_id(cursor: Cursor, id: str) -> Address | None:
    """The address with this 24-hex id."""
    return _one(cursor, "WHERE d.id = :id", {"id": id})


def match(cursor: Cursor, keys: Sequence[str]) -> Address | None:
    """The first of `keys` that exists, in their order."""
    return _one(
        cursor,
        "JOIN json_each(:keys) AS wanted ON d.key = wanted.value ORDER BY wanted.key LIMIT 1",
        {"keys": array_text(keys)},
    )


def of_account(cursor: Cursor, account: int) -> Sequence[Address]:
    """The account's own addresses, the main one first."""
    rows = cursor.execute(
        f"{_SELECT} WHERE d.account = :account ORDER BY d.main DESC, d.number",
        {"account": account},
    ).fetchall()
    return [_address(row) for row in rows]


@one_moment
def page(
    cursor: Cursor,
    after: int,
    before: int,
    limit: int,
    query: str,
    domain: str,
    tags: Sequence[str],
    required_tags: Sequence[str],
) -> tuple[Sequence[Address], int]:
    """See `ports.Addresses.page`."""
    parameters = {
        "after": after,
        "before": before,
        "limit": limit,
        "query": query,
        "pattern": like(query),
        "domain": domain,
        "tags": array_text(tags),
        "required": array_text(required_tags),
    }
    rows = cursor.execute(f"{_SELECT} {_MATCHING} {span('d', before)}", parameters).fetchall()
    total = number(cursor, f"SELECT count(*) FROM address d {_MATCHING}", parameters)
    return [_address(row) for row in (reversed(rows) if before else rows)], total


def add(tx: Transaction, order: NewAddress, actor: Actor) -> Address:
    """See `ports.Addresses.add`. Raises AlreadyExists (the key), NotFound (the account)."""
    return insert(tx, order, order.account, actor)


def _columns(order: NewAddress | Address) -> dict[str, object]:
    return {
        "address": order.address,
        "key": order.key,
        "domain": order.key.rpartition("@")[2],
        "targets": json.dumps(order.targets),
        "name": order.name,
        "main": int(order.main),
        "program": json.dumps(order.program),
        "minilist": int(order.minilist),
        "tags": json.dumps(order.tags),
        "forwards": order.forwards,
        "senders": json.dumps(order.senders),
        "diverted": int(order.diverted),
    }


def insert(tx: Transaction, order: NewAddress, account: int | None, actor: Actor) -> Address:
    """As `add`, for `account` whatever the order names."""
    _require_free(tx.cursor, order.key)
    _require_account(tx.cursor, account)
    fresh = next_number(tx.cursor, "address")
    _lose_main(tx, account, order.main)
    tx.execute(
        "INSERT INTO address (number, id, address, key, domain, account, targets, name, main,"
        " created, program, minilist, tags, limit_forwards, senders, diverted) VALUES (:number,"
        " :id, :address, :key, :domain, :account, :targets, :name, :main, :created, :program,"
        " :minilist, :tags, :forwards, :senders, :diverted)",
        _columns(order)
        | {"number": fresh, "id": order.id, "account": account, "created": order.created},
    )
    return _told(tx, fresh, "created", actor)


def replace(tx: Transaction, address: Address, actor: Actor) -> Address:
    """See `ports.Addresses.replace`. Raises NotFound, AlreadyExists (a new key)."""
    _require_free(tx.cursor, address.key, address.number)
    _require_account(tx.cursor, address.account)
    _lose_main(tx, address.account, address.main)
    changed = tx.execute(
        "UPDATE address SET address = :address, key = :key, domain = :domain, account = :account,"
        " targets = :targets, name = :name, main = :main, program = :program,"
        " minilist = :minilist, tags = :tags, limit_forwards = :forwards, senders = :senders,"
        " diverted = :diverted WHERE number = :number",
        _columns(address) | {"account": address.account, "number": address.number},
    )
    if changed.rowcount == 0:
        raise NotFound("No such address")
    return _told(tx, address.number, "updated", actor)


def remove(tx: Transaction, address: int, actor: Actor) -> None:
    """Raises NotFound."""
    _told(tx, address, "removed", actor)
    tx.execute("DELETE FROM address WHERE number = :number", {"number": address})


def _require_free(cursor: Cursor, key: str, except_for: int = 0) -> None:
    other = get(cursor, key)
    if other is not None and other.number != except_for:
        raise AlreadyExists("This address exists already", "address")


def _require_account(cursor: Cursor, account: int | None) -> None:
    if account is None:
        return
    known = cursor.execute(
        "SELECT 1 FROM account WHERE number = :account", {"account": account}
    ).fetchone()
    if known is None:
        raise NotFound("No such account")


def _lose_main(tx: Transaction, account: int | None, main: bool) -> None:
    if main and account is not None:
        tx.execute("UPDATE address SET main = 0 WHERE account = :account", {"account": account})


def _told(tx: Transaction, address: int, what: str, actor: Actor) -> Address:
    known = _one(tx.cursor, "WHERE d.number = :number", {"number": address})
    if known is None:
        raise NotFound("No such address")
    detail = json.dumps({"what": what, "address": known.key})
    entry = tx.journal("addresseschanged", actor, known.account, detail=detail)
    tx.tell(AddressesChanged(entry, "address", known.key))
    return known
