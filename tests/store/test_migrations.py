"""Migrations end where a fresh database begins, after a copy was made."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from mailhub.model.errors import Unavailable
from mailhub.store import database, schema
from mailhub.store.migrate import back_up, configuration, migrate


def shape(connection: sqlite3.Connection) -> dict[str, str]:
    """Every table and index, without regard to spacing."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {
        name: re.sub(r"\s+", " ", re.sub(r"\s*([(),])\s*", r"\1", sql)).strip()
        for name, sql in rows
        if name != "alembic_version"
    }


def test_all_migrations_together_make_the_schema(tmp_path: Path) -> None:
    database.prepare(tmp_path)
    fresh = sqlite3.connect(tmp_path / database.NAME)
    old = sqlite3.connect(tmp_path / "old.sqlite")
    engine = create_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    assert shape(old) == shape(fresh)
    assert old.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.HEAD,)]


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == schema.HEAD


def test_a_copy_is_made_first(tmp_path: Path) -> None:
    database.prepare(tmp_path)
    connection = database.connect_writer(tmp_path)
    connection.execute("INSERT INTO counter VALUES ('x', 5)")
    copy = migrate(tmp_path / database.NAME, schema.HEAD)
    copied = sqlite3.connect(copy)
    assert copied.execute("SELECT value FROM counter WHERE name = 'x'").fetchall() == [(5,)]
    connection.close()


def test_a_copy_holds_what_is_in_the_log_too(tmp_path: Path) -> None:
    database.prepare(tmp_path)
    connection = database.connect_writer(tmp_path)
    connection.execute("INSERT INTO counter VALUES ('y', 6)")
    back_up(tmp_path / database.NAME, tmp_path / "copy")
    copied = sqlite3.connect(tmp_path / "copy")
    assert copied.execute("SELECT value FROM counter WHERE name = 'y'").fetchall() == [(6,)]
    connection.close()


def test_a_current_database_costs_no_import_of_alembic(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mailhub.store import database\n"
        f"database.prepare(Path({str(tmp_path)!r})); database.prepare(Path({str(tmp_path)!r}))\n"
        "print('alembic' in sys.modules, 'sqlalchemy' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]


def test_a_database_without_a_revision_is_not_guessed_at(tmp_path: Path) -> None:
    database.prepare(tmp_path)
    connection = database.connect_writer(tmp_path)
    connection.execute("DELETE FROM alembic_version")
    connection.close()
    with pytest.raises(Unavailable):
        database.prepare(tmp_path)
