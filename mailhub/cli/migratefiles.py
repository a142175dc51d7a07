"""What a server keeps beside its store, taken along when the store is moved: on PostgreSQL such
files are kept in the database for all processes, else they lie in the data folder alone."""

from __future__ import annotations

from pathlib import Path

from mailhub.model.settings import Settings
from mailhub.net.keptfolder import AGREED, put_shared, shared_files
from mailhub.store.moving import files
from mailhub.store.moving.ends import Source, Target
from mailhub.store.sql import put_rows
from mailhub.store.transaction import Transaction


def take_along(here: Settings, there: Settings, source: Source, target: Target) -> None:
    """Secrets, keys, certificates and settings that somebody made: into the data folder, to another
    one, into the database, as it has to be. Raises MailhubError."""
    old, new = Path(here.data), Path(there.data)
    if here.store.database:
        for name, octets in source.connection.execute("SELECT name, octets FROM kept", {}):
            put_shared(old, name, None if octets is None else bytes(octets))
    files.take_along(old, new)
    if there.store.database:
        rows = [(name, 1, octets) for name, octets in shared_files(new)]

        def work(tx: Transaction, _: object) -> None:
            tx.execute("DELETE FROM kept", {})
            put_rows(tx.cursor, "INSERT INTO kept (name, version, octets) VALUES", rows)

        target.write((), work)
        # What the folder agreed on with another store says nothing of this one.
        (new / AGREED).unlink(missing_ok=True)
