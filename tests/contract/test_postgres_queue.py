"""The queue of several processes on one database: what one does with an entry, others go by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailhub.model.change import Queued
from mailhub.model.queue import Attempt, AttemptResult
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, MESSAGE
from tests.contract.test_postgres_nodes import still
from tests.contract.test_storage_queue import gone, send

pytestmark = pytest.mark.live


@pytest.mark.parametrize("what", ["sent", "deferred", "held"])
def test_queued_mail_is_tried_as_another_process_left_it(
    shared_postgres: Postgres, tmp_path: Path, what: str
) -> None:
    """A lease that comes to who queued it before the news of what the other did."""
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        for _ in range(2):  # what a process does first, it may do otherwise than all that follows
            still(one)
            [entry] = send(one, "bob@far.example")
            assert len(one.store.queue.fresh) == 1
            seen = two.ask(two.store.queue.load([entry.number], each=1 << 17, together=1 << 17))
            assert seen.entries == [entry]
            if what == "held":
                two.ask(two.store.queue.hold([entry.number], True, ACTOR))
            elif what == "deferred":
                later = Attempt(entry.number, 1, AttemptResult.DEFERRED, "4.0.0", "450 no", due=9)
                assert not two.ask(two.store.queue.record(1, [later], (), ACTOR))
            else:
                assert not two.ask(two.store.queue.record(1, [gone(entry.number)], (), ACTOR))
            assert len(one.store.queue.fresh) == 1  # it has not heard
            loaded = one.ask(one.store.queue.load([entry.number], each=1 << 17, together=1 << 17))
            assert loaded.entries == two.ask(two.store.queue.entries([entry.number]))
            assert loaded.entries != [entry]
            assert list(loaded.data.values()) == [MESSAGE] * len(loaded.entries)
    finally:
        one.stop()
        two.stop()


def test_octets_in_memory_are_those_of_the_message_itself(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    """A database that went back gives numbers anew."""
    house = shared_postgres.house(tmp_path)
    queue = house.store.queue
    try:
        for other, found in ((False, b"in memory"), (True, MESSAGE)):
            [entry] = send(house, "bob@far.example")
            [fresh] = queue.fresh.messages([entry.number]).values()
            assert fresh.data == MESSAGE
            message = replace(fresh.message, created=fresh.message.created - other)
            queue.fresh.heard([Queued(1, (), replace(fresh, message=message, data=b"in memory"))])
            loaded = house.ask(queue.load([entry.number], each=1 << 17, together=1 << 17))
            assert loaded.entries == [entry]
            assert loaded.data == {entry.message: found}
    finally:
        house.stop()
