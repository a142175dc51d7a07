"""A store that is moved to PostgreSQL and back is the same as before, row by row."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.settings import EncryptionSettings, Settings, StoreSettings
from mailhub.store.moving.compare import compare_all
from mailhub.store.moving.database import DatabaseSource, DatabaseTarget
from mailhub.store.moving.folder import FolderSource
from mailhub.store.moving.places import served
from mailhub.store.postgres import making
from mailhub.store.sql import number
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
@pytest.mark.parametrize("encrypted", [False, True])
def test_there_and_back_again(
    tmp_path: Path, shared_postgres: Postgres, *, encrypted: bool
) -> None:
    server = shared_postgres.server
    where = server.where(server.database())
    making.prepare(where)
    keys = tmp_path / "keys"
    keys.write_text(f"first:{b64encode(bytes(32)).decode()}\n")
    settings = Settings(
        store=StoreSettings(database=where),
        encryption=EncryptionSettings(file=str(keys) if encrypted else ""),
    )
    folder = filled(tmp_path / "old", 5, 30)
    fill_the_rest(folder)
    source, there = FolderSource(folder), DatabaseTarget(settings)
    with closing(source):
        with closing(there):
            whole(source, there)
            with pytest.raises(Unavailable, match="being filled"):
                making.prepare(where)
            served(source, there)
            making.prepare(where)
            assert rows_of(source) == rows_of(there)
            sealed = "SELECT count(*) FROM body_key"
            assert bool(number(there.connection, sealed, {})) == encrypted
        again, back = DatabaseSource(settings), target_in(tmp_path / "back" / "store")
        with closing(again, back):
            whole(again, back)
            served(again, back)
            assert rows_of(source) == rows_of(back)
            assert not any(one.differing for one in compare_all(source, back, Silent()))
    wrong = [
        sorted((one.kind, one.text) for one in verify(path).findings)
        for path in (folder, tmp_path / "back" / "store")
    ]
    assert wrong[0] == wrong[1]
