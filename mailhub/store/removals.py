"""How an account goes: at once for everybody, and for good when its time of grace is over.

Until then its rows are kept as JSON in `removed_account`, so that no query of living accounts can
meet them; what it owns (mailboxes, messages, secrets, …) stays where it is, out of reach, because
everything is reached through the account. Coming back is putting the rows back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mailhub.model.account import Account, RemovedAccount
from mailhub.model.change import AccountChanged, Actor, AddressesChanged
from mailhub.model.errors import NotFound
from mailhub.store import accounts, addresses, authlog
from mailhub.store.sql import Cursor, Row
from mailhub.store.transaction import Transaction

OWNED: tuple[str, ...] = (
    "secret",
    "mailbox",
    "subscription",
    "mail_filter",
    "autoreply",
    "mark",
    "script",
    "app_password",
    "totp",
    "code_device",
    "security_key",
    "challenge",
    "sign_in",
    "mirror",
    "elsewhere",
)
"""Tables whose rows of an account go with it, told by their column `account`. Message rows are
cleared later, a few at a time (see `sweeps`)."""
_KEPT: tuple[tuple[str, str], ...] = (
    ("account", "number"),
    ("usage", "account"),
    ("address", "account"),
)
"""What has to be out of sight at once: (table, column of the account's number)."""
_SELECT = "SELECT number, id, username, removed, due, kept FROM removed_account"
PURGE = Actor(source="end of grace")


def remove(tx: Transaction, account: int, actor: Actor, due: int) -> int:
    """See `ports.Accounts.remove`."""
    known = accounts.known(tx.cursor, account)
    authlog.done(tx, account, "delete user", actor)
    kept = {table: _rows(tx.cursor, table, column, account) for table, column in _KEPT}
    for row in kept["address"]:
        what = json.dumps({"what": "removed", "address": row["key"]})
        entry = tx.journal("addresseschanged", actor, account, detail=what)
        tx.tell(AddressesChanged(entry, "address", row["key"]))
    for table, column in _KEPT:
        tx.execute(f"DELETE FROM {table} WHERE {column} = :account", {"account": account})
    if due > tx.now:
        _keep(tx, known, due, kept)
    else:
        _purge(tx, account)
    what = json.dumps({"what": "removed", "user": known.id, "name": known.username, "due": due})
    entry = tx.journal("accountchanged", actor, account, detail=what)
    tx.tell(AccountChanged(entry, account, "removed", known.auth_version + 1))
    return len(kept["address"])


def _rows(cursor: Cursor, table: str, column: str, account: int) -> list[dict[str, Any]]:
    found = cursor.execute(f"SELECT * FROM {table} WHERE {column} = :account", {"account": account})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _keep(
    tx: Transaction, known: Account, due: int, kept: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    tx.execute(
        "INSERT INTO removed_account (number, id, username, removed, due, kept)"
        " VALUES (:number, :id, :username, :removed, :due, :kept)",
        {
            "number": known.number,
            "id": known.id,
            "username": known.username,
            "removed": tx.now,
            "due": due,
            "kept": json.dumps(kept),
        },
    )


def by_id(cursor: Cursor, id: str) -> RemovedAccount | None:
    """The removed account with this 24-hex id, while it can come back."""
    row = cursor.execute(f"{_SELECT} WHERE id = :id", {"id": id}).fetchone()
    return _removed(row) if row is not None else None


def every(cursor: Cursor) -> Sequence[RemovedAccount]:
    """All that can come back, the next to go first."""
    rows = cursor.execute(f"{_SELECT} ORDER BY due, number", {}).fetchall()
    return [_removed(row) for row in rows]


def _removed(row: Row) -> RemovedAccount:
    kept = json.loads(row[5])
    return RemovedAccount(
        number=row[0],
        id=row[1],
        username=row[2],
        removed=row[3],
        due=row[4],
        tags=tuple(json.loads(kept["account"][0]["tags"])),
        used_storage=kept["usage"][0]["used_storage"],
        addresses=tuple(address["address"] for address in kept["address"]),
    )


def restore(tx: Transaction, id: str, actor: Actor) -> tuple[Account, int]:
    """See `ports.Accounts.restore`."""
    row = tx.execute(
        "SELECT number, username, kept FROM removed_account WHERE id = :id", {"id": id}
    ).fetchone()
    if row is None:
        raise NotFound("No such removed account")
    account, username, kept = row[0], row[1], json.loads(row[2])
    accounts.require_free(tx.cursor, username)
    tx.execute("DELETE FROM removed_account WHERE number = :account", {"account": account})
    for table in ("account", "usage"):
        _put(tx, table, kept[table][0])
    # Mail may have left meanwhile, as its time in a mailbox was over.
    tx.execute(
        "UPDATE usage SET (used_storage, used_messages) = (SELECT coalesce(sum(size), 0),"
        " coalesce(sum(messages), 0) FROM mailbox WHERE account = :account)"
        " WHERE account = :account",
        {"account": account},
    )
    back = 0
    for address in kept["address"]:
        back += _put_address(tx, address, actor)
    tx.execute(
        "UPDATE account SET auth_version = auth_version + 1 WHERE number = :account",
        {"account": account},
    )
    authlog.done(tx, account, "restore user", actor)
    after = accounts.known(tx.cursor, account)
    entry = tx.journal("accountchanged", actor, account, detail=json.dumps({"what": "restored"}))
    tx.tell(AccountChanged(entry, account, "restored", after.auth_version))
    return after, back


def _put_address(tx: Transaction, row: Mapping[str, Any], actor: Actor) -> bool:
    """Whether the address was still free, and its domain here."""
    here = tx.execute(
        "SELECT 1 FROM domain WHERE :domain IN (name, '*')", {"domain": row["domain"]}
    )
    if addresses.get(tx.cursor, row["key"]) is not None or here.fetchone() is None:
        return False
    _put(tx, "address", row)
    what = json.dumps({"what": "created", "address": row["key"]})
    entry = tx.journal("addresseschanged", actor, row["account"], detail=what)
    tx.tell(AddressesChanged(entry, "address", row["key"]))
    return True


def _put(tx: Transaction, table: str, row: Mapping[str, Any]) -> None:
    """The row as it was; columns that came since have their defaults."""
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    tx.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)


def purge(tx: Transaction) -> bool:
    """Lets one account go whose grace is over; whether there was one."""
    row = tx.execute(
        "SELECT number, id, username FROM removed_account WHERE due <= :now ORDER BY due LIMIT 1",
        {"now": tx.now},
    ).fetchone()
    if row is None:
        return False
    account, id, username = row
    _purge(tx, account)
    what = json.dumps({"what": "purged", "user": id, "name": username})
    tx.journal("accountchanged", PURGE, account, detail=what)
    return True


def _purge(tx: Transaction, account: int) -> None:
    key = {"account": account}
    for table in OWNED:
        tx.execute(f"DELETE FROM {table} WHERE account = :account", key)
    tx.purged.append(account)
    tx.execute("DELETE FROM removed_account WHERE number = :account", key)
    tx.execute("DELETE FROM sweep WHERE account = :account", key)
    tx.execute("INSERT INTO sweep (account, mailbox) VALUES (:account, 0)", key)
