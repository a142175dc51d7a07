"""API sessions as rows: a record each under a digest of the token, which is not kept.

A session that was ended stays as a row with an empty record until its time is over, so that it
cannot come back: not by who changed it meanwhile, nor out of an old copy of where else it is kept.
"""

from __future__ import annotations

from mailhub.model.change import TokenEnded
from mailhub.model.session import KeptSession
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

STEP = 500
"""Rows that one commit drops at most."""


def put(tx: Transaction, key: str, record: str, expires: int) -> None:
    """See `ports.Sessions.put`. An empty record ends it."""
    if not record:
        tx.tell(TokenEnded(key))
    tx.execute(
        "INSERT INTO api_session (key, record, expires) VALUES (:key, :record, :expires)"
        " ON CONFLICT (key) DO UPDATE SET record = excluded.record, expires = excluded.expires"
        " WHERE api_session.record <> ''",
        {"key": key, "record": record, "expires": expires},
    )


def get(cursor: Cursor, key: str) -> KeptSession | None:
    """See `ports.Sessions.get`."""
    row = cursor.execute(
        "SELECT record, expires FROM api_session WHERE key = :key", {"key": key}
    ).fetchone()
    return KeptSession(*row) if row is not None else None


def extend(tx: Transaction, key: str, expires: int) -> None:
    """See `ports.Sessions.extend`."""
    tx.execute(
        "UPDATE api_session SET expires = :expires WHERE key = :key AND record <> ''",
        {"key": key, "expires": expires},
    )


def drop(tx: Transaction, key: str) -> None:
    """See `ports.Sessions.drop`."""
    tx.tell(TokenEnded(key))
    tx.execute("UPDATE api_session SET record = '' WHERE key = :key", {"key": key})


def purge(tx: Transaction) -> bool:
    """Drops some whose time is over; whether there were some."""
    gone = tx.execute(
        "DELETE FROM api_session WHERE key IN (SELECT key FROM api_session"
        " WHERE expires <= :now LIMIT :step)",
        {"now": tx.now, "step": STEP},
    )
    return gone.rowcount > 0
