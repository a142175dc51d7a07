"""Further devices that show one-time codes: rows beside the one of the first, in `totp`.

Which codes are taken, and that devices come and go with the factor, is decided in `factors`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import NotFound
from mailhub.model.identity import CodeDevice
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

_ONE = " WHERE account = :account AND number = :number"


def of(cursor: Cursor, account: int) -> Sequence[CodeDevice]:
    """Those of an account."""
    rows = cursor.execute(
        "SELECT number, label, seed, created FROM code_device WHERE account = :account"
        " ORDER BY number",
        {"account": account},
    ).fetchall()
    return [CodeDevice(*row) for row in rows]


def add(tx: Transaction, account: int, number: int, seed: str, label: str, step: int) -> None:
    """One more."""
    tx.execute(
        "INSERT INTO code_device (account, number, seed, label, created, last_step)"
        " VALUES (:account, :number, :seed, :label, :now, :step)",
        {
            "account": account,
            "number": number,
            "seed": seed,
            "label": label,
            "now": tx.now,
            "step": step,
        },
    )


def last_step(cursor: Cursor, account: int, number: int) -> int:
    """The newest time step whose code was taken. Raises NotFound."""
    row = cursor.execute(
        f"SELECT last_step FROM code_device{_ONE}", {"account": account, "number": number}
    ).fetchone()
    if row is None:
        raise NotFound("No such device")
    found: int = row[0]
    return found


def take(tx: Transaction, account: int, number: int, step: int) -> None:
    """The code of `step` is taken."""
    tx.execute(
        f"UPDATE code_device SET last_step = :step{_ONE}",
        {"account": account, "number": number, "step": step},
    )


def drop(tx: Transaction, account: int, number: int) -> bool:
    """Whether it was one of these."""
    gone = tx.execute(f"DELETE FROM code_device{_ONE}", {"account": account, "number": number})
    return gone.rowcount > 0


def promote(tx: Transaction, account: int) -> None:
    """The first of them takes the place of the one in `totp`, under its own number."""
    key = {"account": account}
    tx.execute(
        "UPDATE totp SET (number, seed, label, created, last_step) = (SELECT number, seed, label,"
        " created, last_step FROM code_device WHERE account = :account ORDER BY number LIMIT 1)"
        " WHERE account = :account",
        key,
    )
    tx.execute(
        "DELETE FROM code_device WHERE account = :account AND number ="
        " (SELECT number FROM totp WHERE account = :account)",
        key,
    )
