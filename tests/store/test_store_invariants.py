"""A random life of two mailboxes against a plain model: UIDs, MODSEQs, flags, counters, quota."""

from __future__ import annotations

from dataclasses import dataclass, field
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

from mailhub.model.change import Arrived, Expunged, Flagged, KeywordSet
from mailhub.model.errors import OverQuota
from mailhub.model.flags import DELETED, SEEN, FlagMode, Flags
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, ALL, TextBody, memory_house, rendered

pytestmark = pytest.mark.thorough

QUOTA = 400
UIDS = st.lists(st.tuples(st.integers(1, 25), st.integers(1, 25)), min_size=1, max_size=3).map(
    UidSet.of
)
FLAGS = st.builds(
    Flags,
    st.integers(0, 31),
    st.sets(st.sampled_from(["$a", "$b", "c"])).map(lambda names: tuple(sorted(names))),
)
BOX = st.sampled_from([0, 1])


@dataclass
class Message:
    """A message as it ought to be."""

    flags: Flags
    body: bytes
    modseq: int


@dataclass
class Box:
    """A mailbox as it ought to be, and as a session that only listens knows it."""

    messages: dict[int, Message] = field(default_factory=dict)
    uidnext: int = 1
    highest: int = 1
    heard: dict[int, int] = field(default_factory=dict)

    def chosen(self, uids: UidSet) -> list[int]:
        return [uid for uid in sorted(self.messages) if uid in uids]


class Life(RuleBasedStateMachine):
    """One account with two mailboxes."""

    def __init__(self) -> None:
        super().__init__()
        self.house = memory_house(Path(), quota=QUOTA)
        account, boxes = self.house.account("Other")
        self.account = account.number
        self.numbers = [boxes["INBOX"], boxes["Other"]]
        self.boxes = [Box(), Box()]
        self.sets: dict[int, tuple[str, ...]] = {}
        self.house.changes.clear()

    @property
    def used(self) -> int:
        return sum(len(one.body) for box in self.boxes for one in box.messages.values())

    def hear(self) -> None:
        """What watchers were told, applied in order."""
        for change in self.house.changes:
            match change:
                case KeywordSet(number=number, keywords=keywords):
                    self.sets[number] = keywords
                case Arrived(mailbox=mailbox, rows=rows):
                    heard = self.boxes[self.numbers.index(mailbox)].heard
                    heard |= {row.uid: row.flags for row in rows}
                case Flagged(mailbox=mailbox, rows=rows):
                    heard = self.boxes[self.numbers.index(mailbox)].heard
                    assert all(uid in heard for uid, _ in rows)
                    heard |= dict(rows)
                case Expunged(mailbox=mailbox, uids=uids):
                    heard = self.boxes[self.numbers.index(mailbox)].heard
                    for uid in uids:
                        del heard[uid]
        self.house.changes.clear()

    def arrived(self, place: int, uid: int, modseq: int, flags: Flags, body: bytes) -> None:
        box = self.boxes[place]
        assert uid == box.uidnext
        assert modseq >= box.highest
        box.uidnext += 1
        box.highest = modseq
        box.messages[uid] = Message(flags, body, modseq)

    @rule(place=BOX, flags=FLAGS, body=st.binary(max_size=60), twice=st.booleans())
    def deliver(self, place: int, flags: Flags, body: bytes, twice: bool) -> None:
        copies = [Copy(self.account, self.numbers[place], b"", flags)] * (1 + twice)
        call = self.house.store.messages.deliver(
            self.house.token(), TextBody(body), rendered(), copies, None, (), ACTOR
        )
        if self.used + len(body) * len(copies) > QUOTA:
            try:
                self.house.ask(call)
            except OverQuota:
                return
            raise AssertionError("the quota was passed")
        for arrival in self.house.ask(call):
            self.arrived(place, arrival.uid, arrival.modseq, flags, body)

    @rule(place=BOX, uids=UIDS, mode=st.sampled_from(FlagMode), flags=FLAGS, back=st.integers(0, 6))
    def store(self, place: int, uids: UidSet, mode: FlagMode, flags: Flags, back: int) -> None:
        box = self.boxes[place]
        since = None if back == 0 else max(1, box.highest - back)
        stored = self.house.ask(
            self.house.store.messages.store_flags(
                self.account, self.numbers[place], uids, mode, flags, ACTOR, unchanged_since=since
            )
        )
        held = [
            uid
            for uid in box.chosen(uids)
            if since is not None and box.messages[uid].modseq > since
        ]
        assert list(stored.modified) == held
        touched = [uid for uid in box.chosen(uids) if uid not in held]
        assert [uid for uid, _ in stored.flags] == touched
        for uid in touched:
            message = box.messages[uid]
            wanted = {
                FlagMode.REPLACE: flags,
                FlagMode.ADD: message.flags.add(flags),
                FlagMode.REMOVE: message.flags.remove(flags),
            }[mode]
            if wanted != message.flags:
                assert stored.modseq > box.highest
                message.flags, message.modseq = wanted, stored.modseq
        box.highest = max(box.highest, stored.modseq)

    @rule(place=BOX, goal=BOX, uids=UIDS, moving=st.booleans())
    def transfer(self, place: int, goal: int, uids: UidSet, moving: bool) -> None:
        box = self.boxes[place]
        chosen = box.chosen(uids)
        size = sum(len(box.messages[uid].body) for uid in chosen)
        messages = self.house.store.messages
        verb = messages.move if moving else messages.copy
        call = verb(self.account, self.numbers[place], uids, self.numbers[goal], ACTOR)
        if not moving and self.used + size > QUOTA:
            try:
                self.house.ask(call)
            except OverQuota:
                return
            raise AssertionError("the quota was passed")
        copied = self.house.ask(call)
        assert list(copied.source) == chosen
        index = self.house.ask(messages.index(self.account, self.numbers[goal]))
        modseqs = dict(zip(index.uids, index.modseqs, strict=True))
        moved = [box.messages[uid] for uid in chosen]
        for one, uid in zip(moved, copied.destination, strict=True):
            self.arrived(goal, uid, modseqs[uid], one.flags, one.body)
        if moving and chosen:
            for uid in chosen:
                del box.messages[uid]
            self.boxes[place].highest = self.modseq_of(place)

    def modseq_of(self, place: int) -> int:
        index = self.house.ask(self.house.store.messages.index(self.account, self.numbers[place]))
        assert index.highestmodseq > self.boxes[place].highest
        return index.highestmodseq

    @rule(place=BOX, uids=UIDS, only_deleted=st.booleans())
    def expunge(self, place: int, uids: UidSet, only_deleted: bool) -> None:
        box = self.boxes[place]
        wanted = [
            uid
            for uid in box.chosen(uids)
            if not only_deleted or box.messages[uid].flags.system & DELETED
        ]
        before = box.highest
        gone, modseq = self.house.ask(
            self.house.store.messages.expunge(
                self.account, self.numbers[place], uids, ACTOR, only_deleted=only_deleted
            )
        )
        assert list(gone) == wanted
        for uid in wanted:
            del box.messages[uid]
        if wanted:
            assert modseq > before
            box.highest = modseq
            since = self.house.ask(
                self.house.store.messages.vanished(self.account, self.numbers[place], before, None)
            )
            assert list(since) == wanted

    @invariant()
    def all_is_as_it_ought_to_be(self) -> None:
        self.hear()
        for number, box in zip(self.numbers, self.boxes, strict=True):
            index = self.house.ask(self.house.store.messages.index(self.account, number))
            assert list(index.uids) == sorted(box.messages)
            assert index.uidnext == box.uidnext
            assert index.highestmodseq == box.highest
            assert [box.messages[uid].modseq for uid in index.uids] == list(index.modseqs)
            assert dict(zip(index.uids, index.flags, strict=True)) == box.heard
            for uid, code in zip(index.uids, index.flags, strict=True):
                keywords = index.keyword_sets[code >> 8] if code >> 8 else ()
                assert Flags(code & 0xFF, keywords) == box.messages[uid].flags
                assert code >> 8 == 0 or self.sets[code >> 8] == keywords
            row = self.house.ask(self.house.store.mailboxes.by_number(self.account, number))
            assert row is not None
            every = list(box.messages.values())
            assert (row.messages, row.unseen, row.deleted, row.size) == (
                len(every),
                sum(not one.flags.system & SEEN for one in every),
                sum(bool(one.flags.system & DELETED) for one in every),
                sum(len(one.body) for one in every),
            )
        account = self.house.ask(self.house.store.accounts.get(self.account))
        assert account is not None
        assert account.used_storage == self.used
        assert account.used_messages == sum(len(box.messages) for box in self.boxes)

    def teardown(self) -> None:
        for number, box in zip(self.numbers, self.boxes, strict=True):
            contents = self.house.ask(self.house.store.messages.contents(self.account, number, ALL))
            bodies = self.house.ask(self.house.blobs.read([one.blob for one in contents]))
            assert list(bodies) == [box.messages[uid].body for uid in sorted(box.messages)]


LIVES = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_a_store_lives_and_stays_whole() -> None:
    run_state_machine_as_test(Life, settings=LIVES)
