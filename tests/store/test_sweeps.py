"""Clearing what is out of sight: bounded steps, nothing else touched, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.model.flags import Flags
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from mailhub.store import sweeps
from mailhub.store.memory import MemoryStore
from mailhub.store.sql import number
from mailhub.store.transaction import Transaction
from mailhub.store.verify import verify
from tests.contract.stores import (
    ACTOR,
    MESSAGE,
    House,
    TextBody,
    memory_house,
    rendered,
    sqlite_house,
)

pytestmark = pytest.mark.thorough

TABLES = ("message", "content", "thread_reference", "keyword_set", "expunged", "sweep")


def rows(house: House, account: int | None = None) -> dict[str, int]:
    assert isinstance(house.store, MemoryStore)
    condition = "" if account is None else f" WHERE account = {account}"
    return {
        table: number(house.store.database, f"SELECT count(*) FROM {table}{condition}", {})
        for table in TABLES
    }


def test_an_account_goes_whole_and_alone(tmp_path: Path) -> None:
    house = memory_house(tmp_path)
    kept, kept_boxes = house.account("Other")
    gone, gone_boxes = house.account("Other")
    for account, boxes in ((kept, kept_boxes), (gone, gone_boxes)):
        for place in range(3):
            one = (TextBody(MESSAGE), rendered(f"<{place}@x>"), Flags(0, (f"$k{place}",)), 1)
            messages = house.store.messages
            house.ask(messages.append(account.number, boxes["INBOX"], [one], ACTOR))
        house.ask(
            messages.move(account.number, boxes["INBOX"], UidSet(((2, 2),)), boxes["Other"], ACTOR)
        )
    before = rows(house, kept.number)
    house.ask(house.store.accounts.remove(gone.number, ACTOR))
    assert not any(rows(house, gone.number).values())
    assert rows(house, kept.number) == before


def test_steps_are_bounded(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account("Big")
    house.fill(account.number, boxes["Big"], 1000, b"x")
    left: list[int] = []

    def remaining(tx: Transaction) -> None:
        left.append(number(tx.cursor, "SELECT count(*) FROM message", {}))

    house.ask(house.store.mailboxes.remove(account.number, boxes["Big"], ACTOR))
    runner = house.store.runner
    while not left or left[-1]:
        house.ask(runner.write(remaining))
    assert all(a - b <= sweeps.STEP for a, b in zip([1000, *left], left, strict=False))
    house.stop()
    assert verify(tmp_path / "store").findings == ()


def test_a_sweep_goes_on_after_a_restart(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account("Big")
    house.fill(account.number, boxes["Big"], 700, b"x")
    house.store._background.stop()  # type: ignore[attr-defined]
    house.ask(house.store.mailboxes.remove(account.number, boxes["Big"], ACTOR))
    house.stop()
    report = verify(tmp_path / "store")
    assert (report.findings, report.messages) == ((), 700)
    again = sqlite_house(tmp_path)
    runner = again.store.runner
    again.reactor.until(
        lambda: not again.ask(runner.read(number, "SELECT count(*) FROM sweep", {}))
    )
    again.stop()
    report = verify(tmp_path / "store")
    assert (report.findings, report.messages, report.blobs) == ((), 0, 0)


def test_old_hand_overs_are_forgotten_and_fresh_ones_kept(tmp_path: Path) -> None:
    house = memory_house(tmp_path)
    account, boxes = house.account()

    def deliver(token: str) -> None:
        house.ask(
            house.store.messages.deliver(
                token, TextBody(MESSAGE), rendered(), [Copy(account.number)], None, (), ACTOR
            )
        )

    for place in range(sweeps.STEP + 5):
        deliver(f"a{place:05}")
    house.clock.advance(sweeps.HANDOVER_LIFE + 1)
    deliver("a00000x")
    deliver("b")
    runner = house.store.runner
    steps = 0
    while house.ask(runner.write(sweeps.purge_handovers)):
        steps += 1
    assert steps == 2
    assert isinstance(house.store, MemoryStore)
    left = house.store.database.execute("SELECT token FROM handover ORDER BY token").fetchall()
    assert left == [("a00000x",), ("b",)]
    count = len(house.uids(account.number, boxes["INBOX"]))
    deliver("b")
    assert len(house.uids(account.number, boxes["INBOX"])) == count
