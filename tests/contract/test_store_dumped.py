"""A copy of a database is a database again, of which mail programs know that it is an older one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from mailhub.model.errors import InUse, Unavailable
from mailhub.model.settings import Settings, StoreSettings
from mailhub.store.moving.database import DatabaseSource, DatabaseTarget
from mailhub.store.moving.folder import FolderSource
from mailhub.store.moving.places import served
from mailhub.store.postgres import making
from mailhub.store.postgres.dump import dump
from mailhub.store.postgres.restoring import restore
from mailhub.store.postgres.verify import verify
from tests.contract.postgres import Postgres
from tests.store.moving.movinghouse import filled, rows_of, whole

pytestmark = pytest.mark.live
NEW = {"mailbox": "uidvalidity", "usage": "uidvalidity", "queue_entry": "held"}
"""What is not as it was: by table."""


def settings(where: str) -> Settings:
    return Settings(store=StoreSettings(database=where))


def test_a_copy_is_a_database_again(tmp_path: Path, shared_postgres: Postgres) -> None:
    server = shared_postgres.server
    first, second = (server.where(server.database()) for _ in range(2))
    making.prepare(first)
    folder = FolderSource(filled(tmp_path / "kept", 2, 10))
    with closing(folder) as source, closing(DatabaseTarget(settings(first))) as target:
        whole(source, target)
        served(source, target)
    file = tmp_path / "copy"
    dump(first, file)
    assert file.stat().st_mode & 0o077 == 0
    restored = restore(second, file)
    assert (restored.mailboxes, restored.held) == (6, 6)
    with (
        closing(DatabaseSource(settings(first))) as before,
        closing(DatabaseSource(settings(second))) as after,
    ):
        old, new = rows_of(before), rows_of(after)
        assert {name for name in old if old[name] != new[name]} == set(NEW)
        validity = "SELECT min(uidvalidity) FROM mailbox"
        assert (
            after.connection.execute(validity).fetchone()[0]
            > before.connection.execute(validity).fetchone()[0]
        )
        assert verify(after.connection, after.read).findings == ()
    with pytest.raises(InUse, match="holds a store already"):
        restore(second, file)


def test_what_goes_wrong_is_told_in_the_programs_words(
    tmp_path: Path, shared_postgres: Postgres
) -> None:
    server = shared_postgres.server
    with pytest.raises(Unavailable, match="does not exist"):
        dump(server.where("nowhere"), tmp_path / "copy")
    (tmp_path / "odd").write_bytes(b"this is no copy")
    with pytest.raises(Unavailable, match="pg_restore"):
        restore(server.where(server.database()), tmp_path / "odd")
