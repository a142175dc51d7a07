"""Keys of zones outlive the change that made room for several: DS records point to them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from mailhub.model.zone import ZoneKey, ZoneKeyState
from mailhub.store import database, zones
from mailhub.store.migrate import configuration


def test_keys_of_zones_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / database.NAME
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0020")
    engine.dispose()
    older = sqlite3.connect(path)
    older.execute("INSERT INTO zone_key VALUES ('x.example', 'PEM', 'public', 77)")
    older.commit()
    older.close()
    database.prepare(tmp_path)
    newer = database.connect_reader(tmp_path)
    key = ZoneKey("x.example", "PEM", "public", 77, ZoneKeyState.ACTIVE, 77)
    assert zones.keys(newer) == {"x.example": [key]}
    newer.close()
