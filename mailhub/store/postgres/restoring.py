"""A database made of what a backup holds of one."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from mailhub.model.errors import InUse
from mailhub.store.picture import Restored, renew
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.dump import restore as fill


def require_empty(where: str) -> None:
    """Raises InUse where something is in the database."""
    with closing(Connection(where)) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is not None:
            raise InUse("The database holds a store already; restore into an empty one")


def restore(where: str, dumped: Path) -> Restored:
    """Fills the empty database, and makes it one of which clients know that it is an older one.
    Raises InUse where something is in it, Unavailable."""
    require_empty(where)
    fill(where, dumped)
    with closing(Connection(where)) as connection:
        connection.begin()
        restored = renew(connection, int(time.time()))
        connection.commit()
    return restored
