"""What a record gives back to the disk, and what it leaves to others."""

from __future__ import annotations

from pathlib import Path

from mailhub.model.message import Copy
from mailhub.model.queue import Attempt, AttemptResult, Onward, QueueSender
from mailhub.store.attempts import Record, record_with
from mailhub.store.transaction import Transaction
from tests.contract.stores import ACTOR, House, TextBody, memory_house, rendered


def delivered(house: House, entry: int) -> int:
    """Records the entry's end; the octets that became garbage with it."""
    attempt = Attempt(entry, 1, AttemptResult.DELIVERED, "2.0.0", "250 ok")

    def work(tx: Transaction) -> int:
        assert not record_with(tx, Record(1, [attempt], ACTOR), ())
        return tx.freed

    return house.ask(house.store.runner.write(work))


def queued(house: House, *recipients: Onward, copies: int = 0) -> list[int]:
    copy = [Copy(house.account()[0].number) for _ in range(copies)]
    house.ask(
        house.store.messages.deliver(
            house.token(), TextBody(b"12345"), rendered(), copy, QueueSender(""), recipients, ACTOR
        )
    )
    page, _ = house.ask(house.store.queue.page())
    return [entry.number for entry in page]


def test_a_body_is_garbage_with_its_last_recipient() -> None:
    house = memory_house(Path())
    one, two = queued(house, Onward("a@x"), Onward("b@x"))
    assert (delivered(house, one), delivered(house, two)) == (0, 5)


def test_a_body_that_a_mailbox_keeps_is_none() -> None:
    house = memory_house(Path())
    [one] = queued(house, Onward("a@x"), copies=1)
    assert delivered(house, one) == 0


def test_a_body_that_goes_on_for_another_sender_is_none() -> None:
    house = memory_house(Path())
    one, two = queued(house, Onward("a@x"), Onward("b@x", sender="list@y"))
    assert (delivered(house, one), delivered(house, two)) == (0, 5)
