"""Secrets and certificates are where the server looks for them after its store was moved."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mailhub.cli.migratefiles import take_along
from mailhub.model.settings import Settings, StoreSettings
from mailhub.net.keptfolder import AGREED
from mailhub.store.moving.database import DatabaseSource, DatabaseTarget
from mailhub.store.moving.folder import FolderSource, FolderTarget
from mailhub.store.postgres import making
from tests.contract.postgres import Postgres
from tests.store.moving.movinghouse import target_in

pytestmark = pytest.mark.live
FILES = {
    "login.json": b'{"secret": "1"}',
    "system.json": b"{}",
    "backup/key": b"k",
    "tls/installed/a.key": b"private",
    "tls/installed/a.crt": b"public",
}
APART = {"node.json": b"n", "initial-admin.json": b"i", "run/lock": b"1", "tls/other": b"o"}


def written(folder: Path, files: dict[str, bytes]) -> None:
    for name, octets in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)


def found(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


@pytest.fixture
def settings(tmp_path: Path, shared_postgres: Postgres) -> Callable[[str], Settings]:
    """Of a server with that data folder, on PostgreSQL."""
    server = shared_postgres.server
    where = server.where(server.database())
    making.prepare(where)

    def make(name: str) -> Settings:
        return Settings(data=str(tmp_path / name), store=StoreSettings(database=where))

    return make


def test_files_go_into_the_database_and_out_of_it(
    tmp_path: Path, settings: Callable[[str], Settings]
) -> None:
    there = settings("one")
    here = replace(there, store=StoreSettings())
    back = replace(settings("two"), store=StoreSettings())
    written(tmp_path / "one", {**FILES, **APART, AGREED: b'{"login.json": [4, "x"]}'})
    target_in(tmp_path / "one" / "store").close()
    empty: FolderTarget = target_in(tmp_path / "two" / "store")
    folder = FolderSource(tmp_path / "one" / "store")
    with closing(folder) as source, closing(DatabaseTarget(there)) as target:
        take_along(here, there, source, target)
        take_along(here, there, source, target)
        kept = "SELECT name, version, octets FROM kept ORDER BY name"
        rows = [tuple(row) for row in target.connection.execute(kept).fetchall()]
    assert rows == [(name, 1, FILES[name]) for name in sorted(FILES)]
    assert not (tmp_path / "one" / AGREED).exists()
    # Another node changed one and took one away; this one's folder does not know yet.
    with closing(DatabaseTarget(there)) as target:
        target.connection.execute("UPDATE kept SET octets = 'new' WHERE name = 'system.json'")
        target.connection.execute("UPDATE kept SET octets = NULL WHERE name LIKE 'tls/%'")
        target.connection.execute(
            "INSERT INTO kept (name, version, octets) VALUES ('../evil', 1, 'x')"
        )
    with closing(DatabaseSource(there)) as again, closing(empty):
        take_along(there, back, again, empty)
    assert found(tmp_path / "two") == {
        "login.json": FILES["login.json"],
        "system.json": b"new",
        "backup/key": b"k",
    }
    assert not (tmp_path / "evil").exists()
