"""A random life of a queue against a plain model: entries, tokens, messages, and what is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mailhub.model.change import Dequeued, Queued
from mailhub.model.queue import Attempt, AttemptResult, Onward, QueueFilter, QueueSender
from mailhub.ports import Notice
from mailhub.store.checks import CHECKS
from tests.contract.stores import ACTOR, TextBody, memory_house, rendered

pytestmark = pytest.mark.thorough

SENDERS = st.sampled_from(["", "ann@a.example", "bob@b.example"])
LANES = st.sampled_from(["x.example", "y.example"])
PICKS = st.sets(st.integers(1, 30), max_size=5)


@dataclass
class Entry:
    """An entry as it ought to be."""

    message: int
    sender: str
    lane: str
    due: int = 0
    attempts: int = 0
    token: int = 0
    held: bool = False


class Life(RuleBasedStateMachine):
    """A queue with an administrator and careless runners."""

    def __init__(self) -> None:
        super().__init__()
        self.house = memory_house(Path())
        self.queue = self.house.store.queue
        self.entries: dict[int, Entry] = {}
        self.messages = 0
        self.last = 0
        self.waiting: dict[int, tuple[int, str]] = {}
        """What a schedule that only listens takes to be waiting."""

    def queued(self, sender: str, lanes: list[str]) -> list[Onward]:
        """Adds to the model; the orders for it."""
        self.messages += 1
        for lane in lanes:
            self.last += 1
            self.entries[self.last] = Entry(self.messages, sender, lane)
        return [Onward(f"r@{lane}") for lane in lanes]

    @rule(sender=SENDERS, lanes=st.lists(LANES, min_size=1, max_size=3))
    def send(self, sender: str, lanes: list[str]) -> None:
        onward = self.queued(sender, lanes)
        self.house.ask(
            self.house.store.messages.deliver(
                self.house.token(),
                TextBody(b"body"),
                rendered(),
                [],
                QueueSender(sender),
                onward,
                ACTOR,
            )
        )

    @rule(
        picks=PICKS,
        token=st.integers(1, 4),
        due=st.one_of(st.none(), st.integers(1, 9)),
        told=st.booleans(),
    )
    def record(self, picks: set[int], token: int, due: int | None, told: bool) -> None:
        result = AttemptResult.FAILED if due is None else AttemptResult.DEFERRED
        attempts = [Attempt(one, 1, result, "4.0.0", "no", due=due) for one in sorted(picks)]
        stale = [
            one
            for one in sorted(picks)
            if one not in self.entries or self.entries[one].token > token
        ]
        notices = []
        if told:
            onward = [Onward("r@x.example")] if stale else self.queued("", ["x.example"])
            order = (self.house.token(), TextBody(b"bounce"), rendered(), (), QueueSender(""))
            notices.append(Notice(*order, onward))
        assert list(self.house.ask(self.queue.record(token, attempts, notices, ACTOR))) == stale
        if stale:
            return
        for one in picks:
            if due is None:
                del self.entries[one]
            else:
                entry = self.entries[one]
                entry.due, entry.token, entry.attempts = due, token, entry.attempts + 1
                if not entry.held:
                    self.waiting[one] = (due, entry.lane)  # as the end of its lease says

    @rule(picks=PICKS, held=st.booleans())
    def hold(self, picks: set[int], held: bool) -> None:
        chosen = [
            entry for one, entry in self.entries.items() if one in picks and entry.held is not held
        ]
        assert self.house.ask(self.queue.hold(sorted(picks), held, ACTOR)) == len(chosen)
        for entry in chosen:
            entry.held = held

    @rule(picks=PICKS, due=st.integers(1, 9))
    def retry(self, picks: set[int], due: int) -> None:
        chosen = [entry for one, entry in self.entries.items() if one in picks]
        assert self.house.ask(self.queue.retry(sorted(picks), due, ACTOR)) == len(chosen)
        for entry in chosen:
            entry.due = due

    @invariant()
    def all_is_as_it_ought_to_be(self) -> None:
        page, total = self.house.ask(self.queue.page(limit=1000))
        assert total == len(self.entries) == self.house.ask(self.queue.count())
        assert {
            entry.number: Entry(
                entry.message,
                entry.sender.address,
                entry.lane,
                entry.due,
                entry.attempts,
                self.entries[entry.number].token,
                entry.held,
            )
            for entry in page
        } == self.entries
        messages = self.house.ask(self.queue.messages(range(1, self.messages + 1)))
        assert {one.number for one in messages} == {one.message for one in self.entries.values()}
        for name in ("ann@a.example", ""):
            wanted = QueueFilter(sender=name)
            some, count = self.house.ask(self.queue.page(limit=1000, wanted=wanted))
            assert [one.number for one in some] == [
                number for number, one in self.entries.items() if one.sender == name
            ]
            assert count == len(some)

    @invariant()
    def who_only_listens_knows_what_waits(self) -> None:
        for change in self.house.changes:
            match change:
                case Queued(slots=slots):
                    self.waiting |= {slot.number: (slot.due, slot.lane) for slot in slots}
                case Dequeued(entries=entries):
                    for one in entries:
                        self.waiting.pop(one, None)
        self.house.changes.clear()
        slots = self.house.ask(self.queue.slots())
        assert {slot.number: (slot.due, slot.lane) for slot in slots} == self.waiting

    def teardown(self) -> None:
        for check in CHECKS:
            assert self.house.store.database.execute(check.query).fetchall() == [], check.kind


LIVES = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_a_queue_lives_and_stays_whole() -> None:
    run_state_machine_as_test(Life, settings=LIVES)
