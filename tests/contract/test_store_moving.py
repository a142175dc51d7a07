"""A store that is moved to PostgreSQL and back is the same as before, row by row."""

from __future__ import annotations

from contextlib import closing as closed
from pathlib import Path

import pytest

from mailhub.store import database, schema
from mailhub.store.moving import state
from mailhub.store.moving.compare import compare_all
from mailhub.store.moving.database import DatabaseSource, DatabaseTarget
from mailhub.store.moving.folder import FolderSource
from mailhub.store.postgres import making
from mailhub.store.verify import verify
from tests.contract.postgres import Postgres
from tests.store.moving.movinghouse import (
    Silent,
    closing,
    fill_the_rest,
    filled,
    rows_of,
    target_in,
    whole,
)


@pytest.mark.live
def test_there_and_back_again(tmp_path: Path, shared_postgres: Postgres) -> None:
    server = shared_postgres.server
    where = server.where(server.database())
    making.prepare(where)
    folder = filled(tmp_path / "old", 5, 30)
    fill_the_rest(folder)
    source, there = FolderSource(folder), DatabaseTarget(where)
    with closing(source):
        with closing(there):
            whole(source, there)
            assert rows_of(source) == rows_of(there)
        again, back = DatabaseSource(where), target_in(tmp_path / "back" / "store")
        with closing(again, back):
            whole(again, back)
            assert rows_of(source) == rows_of(back)
            assert not any(one.differing for one in compare_all(source, back, Silent()))
    with closed(database.connect_writer(tmp_path / "back" / "store")) as connection:
        state.set_revision(connection, schema.HEAD)
    wrong = [
        sorted((one.kind, one.text) for one in verify(path).findings)
        for path in (folder, tmp_path / "back" / "store")
    ]
    assert wrong[0] == wrong[1]
