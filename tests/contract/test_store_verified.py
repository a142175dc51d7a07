"""`verify` on PostgreSQL finds what it finds in a folder, beside who works there, and mends it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from mailhub.model.settings import Settings, StoreSettings
from mailhub.store.moving.database import DatabasePlace, DatabaseSource, DatabaseTarget
from mailhub.store.moving.folder import FolderSource
from mailhub.store.moving.places import served
from mailhub.store.postgres import making
from mailhub.store.postgres.verify import verify
from mailhub.store.verifying import Report
from tests.contract.postgres import Postgres
from tests.store.moving.movinghouse import filled, whole

pytestmark = pytest.mark.live
DAMAGE = (
    ("UPDATE mailbox SET unseen = unseen + 1 WHERE messages > 0", "mailbox-counters", True),
    ("UPDATE usage SET used_storage = 1", "quota", True),
    ("UPDATE mailbox SET uidnext = 1 WHERE messages > 0", "uidnext", True),
    ("UPDATE mailbox SET highestmodseq = 1 WHERE messages > 0", "highestmodseq", True),
    ("UPDATE content SET uses = uses + 1", "content-uses", True),
    ("UPDATE message SET size = size + 1", "message-size", True),
    ("DELETE FROM queue_entry", "queue-message", True),
    ("DELETE FROM queue_message", "queue-entry", True),
    ("UPDATE counter SET value = 1 WHERE name = 'journal'", "counter", False),
    ("DELETE FROM counter WHERE name = 'mailbox'", "counter", False),
    ("DELETE FROM keyword_set", "keyword-set", False),
    ("UPDATE blob SET octets = 'x' || octets", "damaged-bytes", False),
    ("DELETE FROM blob", "damaged-bytes", False),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, shared_postgres: Postgres) -> str:
    """A database with a store in it, to be copied."""
    server = shared_postgres.server
    name = server.database()
    making.prepare(server.where(name))
    settings = Settings(store=StoreSettings(database=server.where(name)))
    folder = filled(tmp_path_factory.mktemp("kept"), 2, 10)
    with closing(FolderSource(folder)) as source, closing(DatabaseTarget(settings)) as target:
        whole(source, target)
        served(source, target)
    return name


@pytest.fixture
def settings(template: str, shared_postgres: Postgres) -> Settings:
    server = shared_postgres.server
    return Settings(store=StoreSettings(database=server.where(server.database(template))))


def found(settings: Settings, *, repair: bool = False) -> Report:
    with closing(DatabaseSource(settings)) as source:
        return verify(source.connection, source.read, repair)


def test_a_healthy_store_is_clean_and_counted(settings: Settings) -> None:
    report = found(settings)
    assert report.findings == ()
    assert (report.accounts, report.mailboxes) == (2, 6)
    assert report.messages > 20
    assert report.blobs > 10
    assert report.bytes > 1000


def test_every_damage_is_found_and_mended_where_it_can_be(settings: Settings) -> None:
    """One database for all: each is undone before the next."""
    where = settings.store.database
    for statement, kind, mends in DAMAGE:
        saved = [f"CREATE TABLE kept_{name} AS SELECT * FROM {name}" for name in TOUCHED]
        with psycopg.connect(where, autocommit=True) as connection:
            for one in (*saved, statement):
                connection.execute(one.encode())
        assert kind in {one.kind for one in found(settings).findings}, statement
        if mends:
            mended = found(settings, repair=True)
            assert all(one.repaired for one in mended.findings), statement
            assert found(settings).clean, statement
        with psycopg.connect(where, autocommit=True) as connection:
            for name in TOUCHED:
                for one in (
                    f"DELETE FROM {name}",
                    f"INSERT INTO {name} SELECT * FROM kept_{name}",
                    f"DROP TABLE kept_{name}",
                ):
                    connection.execute(one.encode())
    assert found(settings).clean


TOUCHED = (
    *("mailbox", "usage", "content", "message", "queue_entry", "queue_message"),
    *("counter", "keyword_set", "blob"),
)


def test_nothing_is_mended_beside_others(settings: Settings, tmp_path: Path) -> None:
    with psycopg.connect(settings.store.database, autocommit=True) as other:
        other.execute(
            "INSERT INTO node SELECT 'n', 'p', 'mx1', 'v', 0, 1, 'serving', 0,"
            " extract(epoch FROM clock_timestamp()) * 1000, '[]'"
        )
    with pytest.raises(Exception, match="mx1"), DatabasePlace(settings).at_rest():
        pass
