"""Gives a domain another name, as rows: a few hundred a commit, so that no delivery waits for it.

While it goes on the old domain is an alias of the new one, so every address takes mail all the
time, wherever its row stands. In what order the steps come is core's.
"""

from __future__ import annotations

import json
from dataclasses import replace

from mailhub.model.address import Domain, Renamed
from mailhub.model.change import AccountChanged, Actor, AddressesChanged
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.store import domains
from mailhub.store.sql import Cursor, integers, number
from mailhub.store.transaction import Transaction

STEP = 300
"""Rows that one commit changes."""
SPAN = 5000
"""Rows that one commit looks through."""
LISTS = (
    ("address", "targets"),
    ("address", "senders"),
    ("account", "targets"),
    ("mail_filter", "actions"),
)
"""Where addresses stand in JSON, and others' mail goes to them."""
_MOVED = "substr({0}, 1, length({0}) - length(:old)) || :new"
"""A name of the old domain, in the new one."""


def clash(cursor: Cursor, old: str, new: str) -> str:
    """See `ports.Domains.clash`."""
    values = {"old": old, "new": new, "pattern": f"%@{old}"}
    row = (
        cursor.execute(
            "SELECT there.address FROM address AS one JOIN address AS there"
            f" ON there.key = {_MOVED.format('one.key')} WHERE one.domain = :old LIMIT 1",
            values,
        ).fetchone()
        or cursor.execute(
            "SELECT there.username FROM account AS one JOIN account AS there"
            f" ON there.username = {_MOVED.format('one.username')}"
            " WHERE one.username LIKE :pattern LIMIT 1",
            values,
        ).fetchone()
    )
    return str(row[0]) if row is not None else ""


def begin(tx: Transaction, old: str, new: Domain, actor: Actor) -> Renamed:
    """See `ports.Domains.begin_renaming`."""
    before = domains.get(tx.cursor, old)
    if before is None:
        raise NotFound("No such domain")
    target = domains.get(tx.cursor, new.name)
    if target is None:
        target = domains.add(tx, new, actor)
    elif target.alias_of:
        domains.replace(tx, replace(target, alias_of=""), actor)
    names = {"old": old, "new": new.name, "pattern": f"%@{old}"}
    aliases = tx.execute(
        "UPDATE domain SET alias_of = :new WHERE alias_of = :old AND name <> :new", names
    ).rowcount
    tx.execute(
        f"UPDATE domain SET catch_all = {_MOVED.format('catch_all')} WHERE catch_all LIKE :pattern",
        names,
    )
    domains.replace(tx, replace(before, alias_of=new.name, catch_all=""), actor)
    keys = tx.execute(
        "UPDATE dkim_key SET domain = :new WHERE domain = :old"
        " AND selector NOT IN (SELECT selector FROM dkim_key WHERE domain = :new)",
        names,
    ).rowcount
    return Renamed(aliases=aliases, keys=keys)


def addresses(tx: Transaction, old: str, new: str, actor: Actor) -> int:
    """See `ports.Domains.move_addresses`. Raises AlreadyExists."""
    values = {"old": old, "new": new, "step": STEP}
    first = "(SELECT number FROM address WHERE domain = :old ORDER BY number LIMIT :step)"
    taken = tx.execute(
        f"SELECT there.address FROM address AS one JOIN address AS there"
        f" ON there.key = {_MOVED.format('one.key')} WHERE one.number IN {first} LIMIT 1",
        values,
    ).fetchone()
    if taken is not None:
        raise AlreadyExists(f"{taken[0]} exists already", "address")
    moved = tx.execute(
        f"UPDATE address SET address = {_MOVED.format('address')}, key = {_MOVED.format('key')},"
        f" domain = :new WHERE number IN {first}",
        values,
    ).rowcount
    if moved:
        _tell(tx, old, new, actor)
    return moved


def usernames(tx: Transaction, old: str, new: str, after: int, actor: Actor) -> tuple[int, int]:
    """See `ports.Domains.move_usernames`. Raises AlreadyExists."""
    values = {"old": old, "new": new, "after": after, "pattern": f"%@{old}", "step": STEP}
    end = number(
        tx.cursor,
        "SELECT max(number) FROM (SELECT number FROM account WHERE number > :after"
        " ORDER BY number LIMIT :step) AS found",
        values,
    )
    values["end"] = end
    these = "number > :after AND number <= :end AND username LIKE :pattern"
    row = tx.execute(f"SELECT group_concat(number) FROM account WHERE {these}", values).fetchone()
    found = integers(row[0])
    if not found:
        return 0, end
    taken = tx.execute(
        f"SELECT username FROM account WHERE username IN (SELECT {_MOVED.format('username')}"
        f" FROM account WHERE {these}) LIMIT 1",
        values,
    ).fetchone()
    if taken is not None:
        raise AlreadyExists(f"{taken[0]} exists already", "username")
    tx.execute(f"UPDATE account SET username = {_MOVED.format('username')} WHERE {these}", values)
    for account in found:
        _tell_account(tx, account, actor)
    return len(found), end


def targets(tx: Transaction, old: str, new: str, after: int, actor: Actor) -> int:
    """See `ports.Domains.move_targets`."""
    names = {"after": after, "old": f'@{old}"', "new": f'@{new}"', "pattern": f'%@{old}"%'}
    last = 0
    for table, column in LISTS:
        end = number(
            tx.cursor,
            f"SELECT max(number) FROM (SELECT number FROM {table} WHERE number > :after"
            " ORDER BY number LIMIT :span) AS found",
            {"after": after, "span": SPAN},
        )
        these = f"number > :after AND number <= :end AND {column} LIKE :pattern"
        owner = "number" if table == "account" else "account"
        row = tx.execute(
            f"SELECT group_concat({owner}) FROM {table} WHERE {these}", names | {"end": end}
        ).fetchone()
        last = max(last, end)
        changed = tx.execute(
            f"UPDATE {table} SET {column} = replace({column}, :old, :new) WHERE {these}",
            names | {"end": end},
        ).rowcount
        if changed and table == "address":
            _tell(tx, old, new, actor)
            continue
        for account in sorted(set(integers(row[0]))):
            _tell_account(tx, account, actor)
    return last


def finish(tx: Transaction, old: str, actor: Actor) -> bool:
    """See `ports.Domains.finish_renaming`."""
    if number(tx.cursor, "SELECT count(*) FROM address WHERE domain = :old", {"old": old}):
        return False
    tx.execute("DELETE FROM dkim_key WHERE domain = :old", {"old": old})
    domains.remove(tx, old, actor)
    return True


def _tell(tx: Transaction, old: str, new: str, actor: Actor) -> None:
    detail = json.dumps({"what": "renamed", "domain": old, "to": new})
    entry = tx.journal("addresseschanged", actor, detail=detail)
    tx.tell(AddressesChanged(entry, "domain", new))


def _tell_account(tx: Transaction, account: int, actor: Actor) -> None:
    version = number(
        tx.cursor, "SELECT auth_version FROM account WHERE number = :account", {"account": account}
    )
    entry = tx.journal("accountchanged", actor, account, detail=json.dumps({"what": "updated"}))
    tx.tell(AccountChanged(entry, account, "updated", version))
