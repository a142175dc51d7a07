"""Browsers that are signed in, as rows.

A row tells of a session and is none: who only had this table could open nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.session import SignIn
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

STEP = 500
"""Rows that one commit drops at most."""
_COLUMNS = "account, id, key, auth_version, made, seen, address, agent"


def add(tx: Transaction, one: SignIn, expires: int) -> None:
    """See `ports.SignIns.add`."""
    tx.execute(
        "DELETE FROM sign_in WHERE account = :account AND auth_version < :auth_version",
        {"account": one.account, "auth_version": one.auth_version},
    )
    tx.execute(
        f"INSERT INTO sign_in ({_COLUMNS}, expires) VALUES (:account, :id, :key, :auth_version,"
        " :made, :seen, :address, :agent, :expires)",
        {
            "account": one.account,
            "id": one.id,
            "key": one.key,
            "auth_version": one.auth_version,
            "made": one.made,
            "seen": one.seen,
            "address": one.address,
            "agent": one.agent,
            "expires": expires,
        },
    )


def of_account(cursor: Cursor, account: int) -> Sequence[SignIn]:
    """See `ports.SignIns.of_account`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM sign_in WHERE account = :account ORDER BY seen DESC, id",
        {"account": account},
    ).fetchall()
    return [SignIn(*row) for row in rows]


def saw(tx: Transaction, account: int, key: str, address: str, now: int) -> None:
    """See `ports.SignIns.saw`."""
    tx.execute(
        "UPDATE sign_in SET seen = :now, address = :address"
        " WHERE account = :account AND key = :key",
        {"account": account, "key": key, "address": address, "now": now},
    )


def drop(tx: Transaction, account: int, key: str) -> None:
    """See `ports.SignIns.drop`."""
    tx.execute(
        "DELETE FROM sign_in WHERE account = :account AND key = :key",
        {"account": account, "key": key},
    )


def purge(tx: Transaction) -> bool:
    """Drops some whose time is over; whether there were some."""
    over = tx.execute(
        "SELECT account, id FROM sign_in WHERE expires <= :now LIMIT :step",
        {"now": tx.now, "step": STEP},
    ).fetchall()
    for account, id in over:
        tx.execute(
            "DELETE FROM sign_in WHERE account = :account AND id = :id",
            {"account": account, "id": id},
        )
    return bool(over)
