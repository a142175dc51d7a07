"""Compaction: garbage goes, mail stays, and a place that is still held stays readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.model.message import Content, Copy
from mailhub.model.queue import Onward, QueueSender
from mailhub.model.uids import UidSet
from mailhub.store import compaction, segments
from mailhub.store.background import INTERVAL
from mailhub.store.verify import verify
from tests.contract.stores import ACTOR, ALL, House, TextBody, rendered, sqlite_house

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any garbage is enough."""
    monkeypatch.setattr(compaction, "ENOUGH", 1)


def go_round(house: House) -> None:
    """One whole round of the background's, begun now."""
    background = house.store._background  # type: ignore[attr-defined]
    house.reactor.until(lambda: background._going is None)
    house.reactor.advance(INTERVAL)
    house.reactor.until(lambda: background._going is None)


class Worn:
    """A store whose first segments are mostly garbage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "store"
        self.blobs = self.folder / "segments"
        self.house = sqlite_house(folder, segment_size=20_000)
        account, boxes = self.house.account()
        self.account, self.inbox = account.number, boxes["INBOX"]
        for place in range(60):
            self.house.fill(self.account, self.inbox, 1, b"%03d" % place * 300)
        self.before = self.contents()
        gone = UidSet.from_any(uid for uid in range(1, 61) if uid % 4)
        self.house.ask(
            self.house.store.messages.expunge(
                self.account, self.inbox, gone, ACTOR, only_deleted=False
            )
        )

    def contents(self) -> list[Content]:
        messages = self.house.store.messages
        return list(self.house.ask(messages.contents(self.account, self.inbox, ALL)))

    def bodies(self, contents: list[Content]) -> list[bytes]:
        return list(self.house.ask(self.house.blobs.read([one.blob for one in contents])))

    def round(self) -> None:
        go_round(self.house)


@pytest.fixture
def worn(tmp_path: Path) -> Worn:
    return Worn(tmp_path)


def test_live_messages_move_forward_and_files_go(worn: Worn) -> None:
    house = worn.house
    files = segments.numbers(worn.blobs)
    worn.round()
    after = worn.contents()
    assert {one.blob.segment for one in after}.isdisjoint(files[:-1])
    assert worn.bodies(after) == [b"%03d" % (uid - 1) * 300 for uid in range(4, 61, 4)]
    # Whoever looked a place up before the move can still read from it.
    assert worn.bodies(worn.before) == [b"%03d" % place * 300 for place in range(60)]
    house.clock.advance(compaction.GRACE + 1)
    worn.round()
    assert set(segments.numbers(worn.blobs)).isdisjoint(files[:-1])
    assert worn.bodies(worn.contents()) == worn.bodies(after)
    house.stop()
    assert verify(worn.folder).findings == ()


def test_a_segment_in_good_use_stays(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path, segment_size=20_000)
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 60, b"x" * 900)
    house.ask(
        house.store.messages.expunge(
            account.number, boxes["INBOX"], UidSet(((1, 5),)), ACTOR, only_deleted=False
        )
    )
    messages = house.store.messages
    before = list(house.ask(messages.contents(account.number, boxes["INBOX"], ALL)))
    go_round(house)
    after = house.ask(messages.contents(account.number, boxes["INBOX"], ALL))
    assert list(after) == before
    house.stop()


def test_queued_messages_and_shared_bodies_move_along(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path, segment_size=5_000)
    ann, ann_boxes = house.account()
    bob, bob_boxes = house.account()
    house.ask(
        house.store.messages.deliver(
            house.token(),
            TextBody(b"shared"),
            rendered(),
            [Copy(ann.number), Copy(bob.number)],
            QueueSender("ann@x"),
            [Onward("far@away")],
            ACTOR,
        )
    )
    house.fill(ann.number, ann_boxes["INBOX"], 1, b"g" * 6000)
    house.fill(ann.number, ann_boxes["INBOX"], 1, b"last")
    house.ask(
        house.store.messages.expunge(
            ann.number, ann_boxes["INBOX"], UidSet(((2, 2),)), ACTOR, only_deleted=False
        )
    )
    go_round(house)
    places = []
    for account, boxes in ((ann, ann_boxes), (bob, bob_boxes)):
        messages = house.store.messages
        content = house.ask(messages.contents(account.number, boxes["INBOX"], ALL))[0]
        assert house.ask(house.blobs.read([content.blob])) == [b"shared"]
        places.append(content.blob)
    assert places[0] == places[1]
    assert places[0].segment > 1
    house.stop()
    report = verify(tmp_path / "store")
    assert (report.findings, report.blobs) == ((), 2)


def test_damaged_bytes_are_not_blessed_with_a_new_checksum(worn: Worn) -> None:
    victim = worn.before[3].blob
    with segments.path_of(worn.blobs, victim.segment).open("r+b") as file:
        file.seek(victim.offset)
        file.write(b"damage")
    worn.round()
    after = {one.uid: one.blob for one in worn.contents()}
    assert after[4] == victim
    worn.house.clock.advance(compaction.GRACE + 1)
    worn.round()
    assert victim.segment in segments.numbers(worn.blobs)
    worn.house.stop()
    [finding] = verify(worn.folder).findings
    assert finding.kind == "damaged-bytes"
    assert "uid 4:" in finding.text
