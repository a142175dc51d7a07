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

from mailhub.model.account import Sending
from mailhub.model.errors import Unavailable
from mailhub.model.queue import QueueEntry, QueueFilter, QueueSender
from mailhub.store import accounts, addresses, database, domains, queued, schema
from mailhub.store.migrate import back_up, configuration, migrate
from mailhub.store.verify import verify

pytestmark = pytest.mark.thorough


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


OLD_ROWS = (
    "INSERT INTO counter VALUES ('queue_message', 4), ('queue_entry', 9), ('domain', 1),"
    " ('address', 1), ('account', 1), ('mailbox', 1)",
    "INSERT INTO account VALUES (1, 'a1', 'ann', '', 'user', 0, 0, 0, 0, '', 0, '[]', '{}', 5, 1)",
    "INSERT INTO usage VALUES (1, 0, 0, 0, 0, 0, 1)",
    "INSERT INTO secret VALUES (1, '', NULL, NULL, NULL, NULL)",
    "INSERT INTO mailbox VALUES (1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 'b1', 'INBOX', '', 5)",
    "INSERT INTO domain VALUES (1, 'd1', 'x.example', '', '+', 0, '', 5)",
    "INSERT INTO address VALUES (1, 'e1', 'a@x.example', 'a@x.example', 'x.example', 1, '[]', '',"
    " 1, 5)",
    "INSERT INTO queue_message VALUES (3, 'Ann@X.example', 'HDRS', 'e', '8BITMIME', 1, 1, 60, 1,"
    " 10, 20, x'00')",
    "INSERT INTO queue_message VALUES (4, '', '', '', '7BIT', 0, NULL, 70, 1, 40, 20, x'01')",
    "INSERT INTO queue_entry VALUES (7, 3, 'Bob@Far.example', 'NEVER', 'rfc822;b', 90, 2)",
    "INSERT INTO queue_entry VALUES (8, 3, 'joe@b\u00fccher.example', '', '', 91, 0)",
    "INSERT INTO queue_entry VALUES (9, 4, 'odd', 'SUCCESS,DELAY', '', 92, 0)",
)


def older_database(folder: Path) -> None:
    """A database of revision 0001 with a queue."""
    path = folder / database.NAME
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    older = sqlite3.connect(path)
    for statement in OLD_ROWS:
        older.execute(statement)
    older.commit()
    older.close()


def test_the_first_releases_queue_is_taken_over(tmp_path: Path) -> None:
    older_database(tmp_path)
    database.prepare(tmp_path)
    connection = database.connect_reader(tmp_path)
    entries, total = queued.page(connection, 0, 10, None)
    assert total == 3
    ann = QueueSender("Ann@X.example", "HDRS", "e", "8BITMIME", True, 1, local=True)
    assert list(entries) == [
        QueueEntry(
            7, 3, ann, "Bob@Far.example", ("NEVER",), "rfc822;b", 20, 60, 90, 2, "far.example"
        ),
        QueueEntry(
            8, 3, ann, "joe@b\u00fccher.example", (), "", 20, 60, 91, 0, "xn--bcher-kva.example"
        ),
        QueueEntry(9, 4, QueueSender(""), "odd", ("SUCCESS", "DELAY"), "", 20, 70, 92, 0, "odd"),
    ]
    for narrowed, found in (
        (QueueFilter(sender="ann@x.example"), [7, 8]),
        (QueueFilter(recipient="bob@far.example"), [7]),
        (QueueFilter(recipient="joe@xn--bcher-kva.example"), [8]),
    ):
        page, _ = queued.page(connection, 0, 10, narrowed)
        assert [entry.number for entry in page] == found
    [domain] = domains.every(connection)
    address = addresses.get(connection, "a@x.example")
    account = accounts.get(connection, 1)
    assert address is not None
    assert account is not None
    assert (domain.relay, address.program, address.minilist) == (False, (), False)
    assert account.sending is Sending.OWN
    connection.close()
    findings = verify(tmp_path).findings
    assert {finding.kind for finding in findings} == {"damaged-bytes"}  # there are no segments
    older = sqlite3.connect(tmp_path / f"{database.NAME}.0001.copy")
    assert older.execute("SELECT count(*) FROM queue_entry").fetchone() == (3,)
    older.close()


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
