"""Bodies in the database: noted when the last row goes, and gone some time later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailhub.model.message import Copy
from mailhub.store.background import INTERVAL
from mailhub.store.postgres.freeing import GRACE
from mailhub.store.sql import number
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, ALL, MESSAGE, House, TextBody, rendered

pytestmark = pytest.mark.live


def count(house: House, table: str) -> int:
    """Rows of it."""
    return int(
        house.ask(
            house.store.runner.read(
                lambda cursor: number(cursor, f"SELECT count(*) FROM {table}", {})
            )
        )
    )


def goes_round(house: House, seconds: float, done: Callable[[], bool]) -> None:
    """Time passes, and then what the store does by itself from time to time is done."""
    house.clock.advance(seconds)

    def once() -> bool:
        house.reactor.advance(INTERVAL)
        return done()

    house.reactor.until(once)


def test_bodies_that_no_row_refers_to_go(shared_postgres: Postgres, tmp_path: Path) -> None:
    house = shared_postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        other, _ = house.account()
        house.fill(account.number, boxes["INBOX"], 5)
        house.ask(
            house.store.messages.deliver(
                house.token(),
                TextBody(MESSAGE),
                rendered(),
                [Copy(account.number), Copy(other.number)],
                None,
                (),
                ACTOR,
            )
        )
        assert count(house, "blob") == 6
        assert count(house, "freed") == 0
        house.ask(house.store.accounts.remove(account.number, ACTOR))
        house.reactor.until(lambda: count(house, "freed") == 6)
        goes_round(house, GRACE - 10, lambda: True)
        house.ask(house.store.runner.write(lambda tx: tx.now))
        assert count(house, "blob") == 6  # who looked them up before can still read them
        goes_round(house, 20, lambda: count(house, "freed") == 0)
        assert count(house, "blob") == 1  # another account's
        [there] = house.ask(
            house.store.messages.contents(
                other.number, house.ask(house.store.mailboxes.all(other.number))[0].number, ALL
            )
        )
        assert house.ask(house.blobs.read([there.blob])) == [MESSAGE]
    finally:
        house.stop()


def test_what_was_handed_over_before_is_not_kept_twice(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    house = shared_postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        for _ in range(2):
            copies = [Copy(account.number)]
            house.ask(
                house.store.messages.deliver(
                    "1" * 20, TextBody(MESSAGE), rendered(), copies, None, (), ACTOR
                )
            )
        assert house.uids(account.number, boxes["INBOX"]) == [1]
        assert (count(house, "blob"), count(house, "freed")) == (2, 1)
        goes_round(house, GRACE + 10, lambda: count(house, "freed") == 0)
        assert count(house, "blob") == 1
    finally:
        house.stop()
