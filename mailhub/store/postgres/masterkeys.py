"""Master keys, for who looks after a server: a new one, which are in use, going over to another.

Asked by a command, on a connection of its own; servers go on beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing

from mailhub.model.errors import Unavailable
from mailhub.model.settings import Settings
from mailhub.store import sealing
from mailhub.store.postgres import keyring
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.keyring import Keyring, masters
from mailhub.store.transaction import Transaction


def fresh(name: str) -> str:
    """A line for the file of master keys."""
    return f"{name}:{keyring.written(sealing.fresh_key())}"


def in_use(settings: Settings) -> Mapping[str, int]:
    """How many accounts' keys each master key closes, by its name; those of the file first, in its
    order. Raises Unavailable, DriverError."""
    known = masters(settings.encryption.file) if settings.encryption.file else {}
    with closing(_connected(settings)) as connection:
        used = keyring.in_use(connection)
    return {name: used.get(name, 0) for name in (*known, *used)}


def rotate(settings: Settings) -> Iterator[int]:
    """Closes all accounts' keys with the first master key of the file, some hundred in a commit;
    how many were not yet, after each. Raises Unavailable, DriverError."""
    if not settings.encryption.file:
        raise Unavailable("There is no encryption.file in the settings")
    known = masters(settings.encryption.file)
    ring, first = Keyring(known), next(iter(known))
    with closing(_connected(settings)) as connection:
        more = True
        while more:
            connection.begin()
            more = ring.turn(Transaction(connection, int(time.time()), 0, 0))
            connection.commit()
            used = keyring.in_use(connection)
            yield sum(count for name, count in used.items() if name != first)


def _connected(settings: Settings) -> Connection:
    if not settings.store.database:
        raise Unavailable("Only mail in PostgreSQL and S3 can be encrypted")
    return Connection(settings.store.database)
