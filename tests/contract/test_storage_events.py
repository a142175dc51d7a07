"""The journal as events, and webhooks, on every store."""

from __future__ import annotations

import pytest

from mailhub.model.errors import NotFound
from mailhub.model.event import Counted, Event, Page, Place
from mailhub.model.flags import FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.mailbox import NewMailbox
from mailhub.model.uids import UidSet
from mailhub.model.webhook import Webhook
from tests.contract.stores import ACTOR, ALL, House

START = Place(0)


def page(house: House, after: Place = START, account: int | None = None, limit: int = 200) -> Page:
    return house.ask(
        house.store.events.page(after, account=account, mail=account is not None, limit=limit)
    )


def every(house: House, account: int, limit: int) -> list[Event]:
    """All events, in pages of `limit`."""
    found: list[Event] = []
    place, more = START, True
    while more:
        one = page(house, place, account, limit)
        assert len(one.events) <= limit
        assert one.place > place or not one.more
        found += one.events
        place, more = one.place, one.more
    return found


def live(house: House) -> tuple[int, dict[str, int]]:
    """A mailbox's life: two come, are flagged differently, one goes, one moves."""
    account, boxes = house.account("Work")
    number, inbox, messages = account.number, boxes["INBOX"], house.store.messages
    house.fill(number, inbox, 2)
    first, both = UidSet(((1, 1),)), ALL
    add, put = FlagMode.ADD, messages.store_flags
    house.ask(put(number, inbox, first, add, Flags(SEEN, ("$Later",)), ACTOR))
    house.ask(put(number, inbox, both, add, Flags(FLAGGED), ACTOR))
    house.ask(messages.expunge(number, inbox, first, ACTOR, only_deleted=False))
    house.ask(messages.move(number, inbox, both, boxes["Work"], ACTOR))
    return number, boxes


LIFE = [
    ("message.arrived", 1, ()),
    ("message.arrived", 2, ()),
    ("message.flagged", 1, ("\\Seen", "$Later")),
    ("message.flagged", 1, ("\\Seen", "\\Flagged", "$Later")),
    ("message.flagged", 2, ("\\Flagged",)),
    ("message.expunged", 1, ()),
    ("message.arrived", 1, ("\\Flagged",)),
    ("message.expunged", 2, ()),
]


@pytest.mark.parametrize("limit", [200, 3, 1])
def test_what_happened_is_told_as_it_was_then(house: House, limit: int) -> None:
    account, boxes = live(house)
    events = [one for one in every(house, account, limit) if one.uid]
    assert [(one.type, one.uid, one.flags) for one in events] == LIFE
    assert [one.place for one in events] == sorted({one.place for one in events})
    places = [boxes["INBOX"]] * 6 + [boxes["Work"], boxes["INBOX"]]
    assert [one.box for one in events] == places
    # Two are gone, so nobody knows how large they were; the third still lies in Work.
    assert [bool(one.size) for one in events if one.type == "message.arrived"] == [
        False,
        False,
        True,
    ]


def test_the_place_behind_an_event_is_where_it_goes_on(house: House) -> None:
    account, _ = live(house)
    events = every(house, account, 200)
    for number, event in enumerate(events, start=1):
        assert list(page(house, event.place, account).events) == events[number:]
        assert Place.read(event.place.text()) == event.place


def test_counters_come_with_what_they_are_about(house: House) -> None:
    account, boxes = live(house)
    ids = {box.number: box.id for box in house.ask(house.store.mailboxes.all(account))}
    inbox, work = boxes["INBOX"], boxes["Work"]
    assert list(page(house, START, account).counted) == [
        Counted(inbox, ids[inbox], 0, 0),
        Counted(work, ids[work], 1, 1),
    ]


def test_others_are_not_in_it(house: House) -> None:
    account, _ = live(house)
    other, boxes = house.account()
    house.fill(other.number, boxes["INBOX"], 3)
    assert {one.account for one in every(house, account, 2)} == {account}
    assert {one.account for one in page(house).events} == {account, other.number}
    assert {one.user for one in page(house).events} == {
        house.ask(house.store.accounts.get(number)).id  # type: ignore[union-attr]
        for number in (account, other.number)
    }


def test_a_mailbox_that_is_gone_takes_its_messages_along(house: House) -> None:
    account, _ = house.account()
    number = account.number
    order = NewMailbox("f" * 24, "Läden", 1)
    [box] = house.ask(house.store.mailboxes.create(number, [order], ACTOR))
    house.fill(number, box.number, 2)
    house.ask(house.store.mailboxes.rename(number, [(box.number, "Shops")], ACTOR))
    house.ask(house.store.mailboxes.remove(number, box.number, ACTOR))
    events = [one for one in every(house, number, 2) if one.box == box.number]
    assert [(one.type, one.mailbox, one.path, one.old_path) for one in events] == [
        ("mailbox.created", "f" * 24, "Läden", ""),
        ("mailbox.renamed", "f" * 24, "Shops", "Läden"),
        ("mailbox.deleted", "f" * 24, "Shops", ""),
    ]


def test_how_far_it_reaches(house: House) -> None:
    live(house)
    reach = house.ask(house.store.events.reach(0))
    assert reach.oldest == 1
    assert reach.newest == page(house).place.number
    assert reach.since == int(house.clock.now())
    assert house.ask(house.store.events.reach(reach.newest)).since is None


# -- webhooks


def order(**more: object) -> Webhook:
    given: dict[str, object] = {"id": "a" * 24, "types": ("*",), "url": "https://a.example/"}
    return Webhook(**given | {"secret": "s", "created": 5} | more)  # type: ignore[arg-type]


def test_a_webhook_is_kept(house: House) -> None:
    hooks = house.store.webhooks
    newest = house.ask(house.store.events.reach(0)).newest
    made = house.ask(hooks.add(order(types=("message.*", "user.created"), account=7), ACTOR))
    assert made.place == Place(newest + 1)
    assert house.ask(hooks.all()) == [made]
    other = house.ask(hooks.add(order(id="b" * 24), ACTOR))
    assert other.number > made.number
    house.ask(hooks.remove(made.number, ACTOR))
    assert house.ask(hooks.all()) == [other]
    with pytest.raises(NotFound):
        house.ask(hooks.remove(made.number, ACTOR))


def test_how_far_it_was_told_is_kept_unless_somebody_says_otherwise(house: House) -> None:
    hooks = house.store.webhooks
    made = house.ask(hooks.add(order(), ACTOR))
    further = made.told(Place(9, 3), "It answers 503", 77)
    assert house.ask(hooks.moved(further))
    assert house.ask(hooks.all()) == [further]
    again = house.ask(hooks.replay(made.number, Place(2), ACTOR))
    assert again.place == Place(2)
    assert not house.ask(hooks.moved(further))
    assert house.ask(hooks.all())[0].place == Place(2)
    house.ask(hooks.remove(made.number, ACTOR))
    assert not house.ask(hooks.moved(again))
    with pytest.raises(NotFound):
        house.ask(hooks.replay(made.number, Place(2), ACTOR))
