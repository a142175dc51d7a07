"""Bringing an older database to the newest schema, after a copy was made.

The only module that imports SQLAlchemy and alembic, and only databases that need it get here.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

from mailhub.model.errors import Unavailable

SCRIPTS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's settings, made here rather than in a file beside the code."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def migrate(path: Path, revision: str, target: str = "head") -> Path:
    """Upgrades the database at `path` from `revision`; the path of the copy that was made first.

    All revisions go in one transaction. Raises Unavailable for a revision that this version does
    not know: a newer mailhub wrote it.
    """
    known = {one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if revision not in known:
        raise Unavailable(f"The database has revision {revision}, which is newer than this program")
    copy = path.with_name(f"{path.name}.{revision}.copy")
    back_up(path, copy)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    # The driver begins no transactions of its own before DDL; SQLAlchemy's recipe for SQLite.
    event.listen(engine, "connect", _plain)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, target)
    engine.dispose()
    return copy


def _plain(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")


def back_up(path: Path, copy: Path) -> None:
    """A consistent copy of the database, through SQLite's own backup."""
    source = sqlite3.connect(path)
    target = sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
