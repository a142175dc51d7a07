"""What is found of messages in the journal, and numbers for graphs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import JournalEntry
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.sample import DAY, FIVE_MINUTES, HOUR, Levels, Sample, Traffic
from mailhub.model.story import Part, Place, Sought, Traced
from mailhub.model.uids import UidSet
from mailhub.store.trail import SPAN
from tests.contract.stores import ACTOR, House


def take(house: House, number: int, sender: str, *recipients: str) -> int:
    detail = {
        "transaction": f"{number:032x}",
        "message_id": f"<{number}@example.org>",
        "sender": sender,
        "recipients": recipients,
    }
    note = house.store.journal.note(None, "accepted", json.dumps(detail), ACTOR)
    return int(house.ask(note))


def told(entries: Sequence[JournalEntry]) -> list[int]:
    return [int(json.loads(one.detail)["transaction"], 16) for one in entries]


def find(house: House, before: int = 0, limit: int = 10, **sought: object) -> Traced:
    wanted = Sought(**sought)  # type: ignore[arg-type]
    return house.ask(house.store.trail.search(wanted, before, limit))


def seal(house: House) -> int:
    spans = 0
    while house.ask(house.store.trail.seal()):
        spans += 1
    return spans


def test_a_message_is_found_by_what_its_envelope_says(house: House) -> None:
    def look() -> None:
        assert told(find(house, address="ann@remote.example").entries) == [2, 1]
        assert told(find(house, address="@remote.example").entries) == [3, 2, 1]
        sender, recipient = Part.SENDER, Part.RECIPIENT
        assert told(find(house, address="ann@remote.example", part=sender).entries) == [1]
        assert told(find(house, address="ann@remote.example", part=recipient).entries) == [2]
        assert told(find(house, message_id="<3@example.org>").entries) == [3]
        assert told(find(house, transaction=f"{2:032x}").entries) == [2]
        assert told(find(house).entries)[-3:] == [3, 2, 1]
        for nothing in ({"address": "an@remote.example"}, {"message_id": "3@example.org"}):
            assert not find(house, **nothing).entries
        assert not find(house, since=1 << 40).entries
        assert not find(house, until=1).entries

    take(house, 1, "Ann@remote.example", "joe@here.example")
    take(house, 2, "joe@here.example", "ann@remote.example", "bob@other.example")
    take(house, 3, "", "eve@REMOTE.example")
    look()
    assert seal(house) == 0
    notes = [house.store.journal.note(None, "noise", "", ACTOR) for _ in range(SPAN)]
    for note in notes:
        house.ask(note)
    assert seal(house) == 1
    look()


def test_a_search_goes_on_where_it_stopped(house: House) -> None:
    for number in range(7):
        take(house, number, "ann@remote.example", "joe@here.example")
    found: list[int] = []
    before = 0
    while True:
        page = find(house, before=before, limit=3, address="joe@here.example")
        found += told(page.entries)
        before = page.before
        if not before:
            break
    assert found == list(range(6, -1, -1))


def test_tries_are_found_by_their_number(house: House) -> None:
    detail = {"entry": 12, "transaction": "ab", "sender": "", "recipient": "x@y.example"}
    house.ask(house.store.journal.note(None, "failed", json.dumps(detail), ACTOR))
    [found] = find(house, entry=12).entries
    assert found.kind == "failed"
    assert not find(house, entry=1).entries
    assert [one.kind for one in find(house, address="x@y.example").entries] == ["failed"]


def test_a_message_is_followed_to_its_end(house: House) -> None:
    store = house.store
    joe, boxes = house.account("Other")
    account, inbox, other = joe.number, boxes["INBOX"], boxes["Other"]
    house.fill(account, inbox, 3)
    start = house.ask(store.journal.since(0, limit=10_000))[-1].number
    messages = store.messages

    def uids(*numbers: int) -> UidSet:
        return UidSet.from_sorted(numbers)

    house.ask(messages.store_flags(account, inbox, uids(2), FlagMode.ADD, Flags(SEEN), ACTOR))
    house.ask(messages.store_flags(account, inbox, uids(1), FlagMode.ADD, Flags(SEEN), ACTOR))
    house.ask(messages.copy(account, inbox, uids(1, 2), other, ACTOR))
    house.ask(messages.move(account, inbox, uids(2, 3), other, ACTOR))
    house.ask(messages.expunge(account, other, uids(3), ACTOR, only_deleted=False))

    def look() -> None:
        fates, more = house.ask(store.trail.follow([Place(account, inbox, 2, start)]))
        assert not more
        kinds = [(one.entry.kind, one.place.mailbox, one.place.uid) for one in fates]
        assert kinds == [
            ("flagged", inbox, 2),
            ("arrived", inbox, 2),
            ("expunged", inbox, 2),
            ("expunged", other, 3),
        ]
        assert fates[0].flags == SEEN
        assert fates[0].names == ("\\Seen",)
        copied, moved = fates[1].moved, fates[2].moved
        assert copied is not None
        assert moved is not None
        assert (copied.mailbox, copied.uid) == (other, 2)
        assert (moved.mailbox, moved.uid, moved.flags) == (other, 3, SEEN)
        assert fates[3].moved is None
        fates, _ = house.ask(store.trail.follow([Place(account, inbox, 3, start)]))
        assert [one.place.uid for one in fates] == [3]
        assert fates[0].moved is not None
        assert fates[0].moved.uid == 4

    look()
    for note in [store.journal.note(None, "noise", "", ACTOR) for _ in range(SPAN)]:
        house.ask(note)
    assert seal(house) >= 1
    look()


def test_samples_add_up_and_are_forgotten(house: House) -> None:
    samples = house.store.samples
    at = 400 * DAY
    assert house.ask(samples.traffic()) == Traffic()
    house.ask(samples.put(at + 5, Traffic(), Levels()))
    take(house, 1, "a@x.example", "b@y.example")
    for _ in range(2):
        assert house.ask(samples.traffic()) == Traffic(received=1), "not kept yet"
    assert house.ask(samples.queue(5)) == (0, 0)
    house.ask(samples.put(at + 10, Traffic(received=1, rejected=2), Levels(5, 60, 100, 1000)))
    assert house.ask(samples.traffic()) == Traffic()
    house.ask(samples.put(at + 400, Traffic(received=3), Levels(2, 90, 200, 1000)))
    five = house.ask(samples.since(FIVE_MINUTES, at))
    assert [(one.at, one.traffic.received) for one in five] == [(at, 1), (at + 300, 3)]
    both = Sample(HOUR, at, Traffic(received=4, rejected=2), Levels(5, 90, 200, 1000))
    assert list(house.ask(samples.since(HOUR, at))) == [both]
    house.ask(samples.put(at + 50 * DAY, Traffic(), Levels()))
    assert [one.at for one in house.ask(samples.since(FIVE_MINUTES, 0))] == [at + 50 * DAY]
    assert [one.at for one in house.ask(samples.since(HOUR, 0))] == [at + 50 * DAY]
    assert [one.at for one in house.ask(samples.since(DAY, 0))] == [at, at + 50 * DAY]
