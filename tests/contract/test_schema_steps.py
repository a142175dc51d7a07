"""Two versions of the schema side by side on PostgreSQL: what a step adds at once, what it takes
away when nobody needs it any more, and who may not start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from mailhub.model.errors import Outdated, Unavailable
from mailhub.store import schema
from mailhub.store.faults import DriverError
from mailhub.store.postgres import making, roll, stepping
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.roll import Own
from mailhub.store.postgres.steps import BASE, STEPS, Step
from mailhub.store.transaction import Transaction
from tests.contract.postgres import Postgres

pytestmark = pytest.mark.live
T = TypeVar("T")
COLORED = Step(
    1,
    "domains have a color",
    "0901",
    expand=("ALTER TABLE domain ADD COLUMN color TEXT NOT NULL DEFAULT ''",),
)
MOVED = Step(
    2,
    "colors are rows of their own",
    "0902",
    expand=("CREATE TABLE shade (number INTEGER PRIMARY KEY, at BIGINT NOT NULL)",),
    contract=("ALTER TABLE domain DROP COLUMN color",),
)
_CATALOG = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


class Base:
    """A database that was made by the version before."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.connection = Connection(where)

    def commit(self, work: Callable[[Transaction], T]) -> T:
        self.connection.begin()
        try:
            made = work(Transaction(self.connection, 0, 0, 0))
        except BaseException:
            self.connection.roll_back()
            raise
        self.connection.commit()
        return made

    def joins(self, name: str, step: int) -> None:
        own = Own(name, name, "host", step=step)
        assert self.commit(lambda tx: roll.join(tx, own, roll.moment)) == ()

    def contracts(self, *steps: Step) -> list[int]:
        return list(self.commit(lambda tx: stepping.contract(tx, steps)))

    def catalog(self) -> list[object]:
        columns = self.connection.execute(_CATALOG).fetchall()
        return [*columns, *self.connection.execute(_INDEXES).fetchall()]

    def has(self, column: str) -> bool:
        return any(row[1] == column for row in self.connection.execute(_CATALOG).fetchall())


@pytest.fixture
def base(shared_postgres: Postgres) -> Iterator[Base]:
    where = shared_postgres.server.where(shared_postgres.server.database())
    making.prepare(where, ())
    made = Base(where)
    yield made
    made.connection.close()


def test_a_step_adds_at_once_and_takes_away_when_every_node_knows_it(base: Base) -> None:
    base.joins("old", 0)
    making.prepare(base.where, (COLORED, MOVED))
    making.prepare(base.where, (COLORED, MOVED))
    assert base.has("color")
    base.joins("new", 2)
    assert base.contracts(COLORED, MOVED) == []
    base.joins("older still", 0)  # what was only added is no reason to stay away
    base.commit(lambda tx: roll.leave(tx, "older still"))
    base.commit(lambda tx: roll.leave(tx, "old"))
    assert base.contracts(COLORED, MOVED) == [2]
    assert base.contracts(COLORED, MOVED) == []
    assert not base.has("color")


def test_all_steps_lead_to_the_tables_that_an_empty_database_gets(
    base: Base, shared_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.joins("new", 2)
    making.prepare(base.where, (COLORED, MOVED))
    assert base.contracts(COLORED, MOVED) == [2]
    monkeypatch.setattr(making, "TABLES", (*making.TABLES, *MOVED.expand))
    where = shared_postgres.server.where(shared_postgres.server.database())
    making.prepare(where, (COLORED, MOVED))
    made = Base(where)
    try:
        assert made.catalog() == base.catalog()
    finally:
        made.connection.close()


def test_a_node_that_died_counts_until_it_is_forgotten(base: Base) -> None:
    base.joins("old", 0)
    making.prepare(base.where, (COLORED, MOVED))
    base.joins("new", 2)
    base.connection.execute("UPDATE node SET seen = 0 WHERE name = 'old'")
    assert base.contracts(COLORED, MOVED) == []
    assert base.commit(lambda tx: roll.purge(tx, roll.moment)) == ["old"]
    assert base.contracts(COLORED, MOVED) == [2]


def test_a_node_from_before_what_was_taken_away_does_not_start(base: Base) -> None:
    making.prepare(base.where, (COLORED, MOVED))
    base.joins("new", 2)
    making.prepare(base.where, ())  # an older version may still come
    base.contracts(COLORED, MOVED)
    for steps in ((), (COLORED,)):
        with pytest.raises(Outdated, match="step 2"):
            making.prepare(base.where, steps)
    with pytest.raises(Outdated):
        base.joins("old", 1)
    making.prepare(base.where, (COLORED, MOVED, replace(COLORED, number=3, expand=())))


def test_a_step_that_fails_leaves_nothing(base: Base) -> None:
    before = base.catalog()
    broken = replace(MOVED, expand=(*MOVED.expand, "ALTER TABLE nowhere ADD COLUMN x TEXT"))
    with pytest.raises(DriverError):
        making.prepare(base.where, (COLORED, broken))
    assert base.catalog() == before
    making.prepare(base.where, (COLORED, MOVED))


def test_a_database_of_nobody_we_know_is_left_alone(base: Base) -> None:
    base.connection.execute("UPDATE alembic_version SET version_num = 'another'")
    with pytest.raises(Unavailable, match="another version"):
        making.prepare(base.where)


def test_an_empty_database_needs_no_step(base: Base, shared_postgres: Postgres) -> None:
    where = shared_postgres.server.where(shared_postgres.server.database())
    making.prepare(where, (COLORED, MOVED))
    made = Base(where)
    try:
        rows = made.connection.execute("SELECT number, contracted > 0 FROM schema_step ORDER BY 1")
        assert rows.fetchall() == [(1, False), (2, True)]
        assert made.contracts(COLORED, MOVED) == []
    finally:
        made.connection.close()


def test_steps_follow_one_another_and_keep_up_with_the_embedded_stores_revisions() -> None:
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))
    head = STEPS[-1].head if STEPS else BASE
    assert head == schema.HEAD, "a revision needs a step here, too: docs/decisions/schema-steps.md"


def test_a_table_that_is_read_for_long_is_waited_for_and_not_stood_before(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "BRIEF", 50)
    monkeypatch.setattr(making, "TRIES", 2)
    base.connection.begin()
    base.connection.execute("SELECT count(*) FROM domain")
    with pytest.raises(DriverError):
        making.prepare(base.where, (COLORED,))
    base.connection.commit()
    making.prepare(base.where, (COLORED,))
    assert base.has("color")


def test_a_database_of_before_learns_how_worn_its_index_is(base: Base) -> None:
    base.connection.execute("ALTER TABLE search_build DROP COLUMN removed")
    making.prepare(base.where)
    assert base.has("removed")
    making.prepare(base.where)
