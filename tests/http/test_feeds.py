"""Streams of changes: what is told, in which order, to whom, and who is dropped."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.core.updates import Updates
from mailhub.http.feeds import Feeds
from mailhub.model.errors import Invalid, LimitReached, Unavailable
from mailhub.model.event import Place
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.settings import UpdateSettings
from mailhub.model.uids import UidSet
from tests.support import run
from tests.world import ACTOR, World, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
MAIL = b"From: a@remote.example\r\nSubject: hello\r\n\r\nhi\r\n"


class Stage:
    """A world with one account, and listeners to it."""

    def __init__(self, **settings: Any) -> None:
        self.world: World = world(people=(JOE, "ann@example.org"))
        self.reactor = Clock()
        self.settings = UpdateSettings(**settings)
        self.updates = Updates(self.world.store, self.world.clock, self.settings)
        self.feeds = Feeds(
            self.updates, self.world.watch, self.settings, self.reactor, self.world.log
        )
        self.account = self.world.people[JOE].number
        self.inbox = run(self.world.store.mailboxes.get(self.account, "INBOX"))

    def listen(self, last: str = "", account: int | None = None) -> Ear:
        number = account or self.account
        ear = Ear(run(self.feeds.stream(number, 1, last)))
        self.go()
        return ear

    def go(self, seconds: float = 0.2) -> None:
        for _ in range(20):
            self.reactor.advance(seconds / 20)

    def flag(self, uids: UidSet, flags: Flags) -> None:
        assert self.inbox is not None
        box = self.inbox.number
        store = self.world.store.messages.store_flags
        run(store(self.account, box, uids, FlagMode.REPLACE, flags, ACTOR))

    def expunge(self, uids: UidSet) -> None:
        assert self.inbox is not None
        gone = self.world.store.messages.expunge
        run(gone(self.account, self.inbox.number, uids, ACTOR, only_deleted=False))


class Ear:
    """One listener that takes whatever comes, unless it is `deaf`."""

    def __init__(self, stream: Any, *, deaf: bool = False) -> None:
        self.heard = b""
        self.ended = False
        self.deaf = deaf
        self._room: Deferred[None] | None = None
        self.work = Deferred.fromCoroutine(self._take(stream))

    async def _take(self, stream: Any) -> None:
        async for piece in stream:
            self.heard += piece
            if self.deaf:
                self._room = Deferred()
                await self._room
        self.ended = True

    def hear(self) -> None:
        self.deaf = False
        if self._room is not None:
            self._room.callback(None)

    @property
    def told(self) -> list[dict[str, Any]]:
        lines = self.heard.decode().split("\n")
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    @property
    def ids(self) -> list[str]:
        lines = self.heard.decode().split("\n")
        return [line[4:] for line in lines if line.startswith("id: ")]

    @property
    def words(self) -> list[str]:
        return [one["command"] for one in self.told]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_message_is_told_as_it_comes_changes_and_goes(stage: Stage) -> None:
    ear = stage.listen()
    arrival = stage.world.deliver(JOE, MAIL)
    stage.go()
    uids = UidSet.of([(arrival.uid, arrival.uid)])
    stage.flag(uids, Flags(SEEN, ("$Later",)))
    stage.go()
    stage.expunge(uids)
    stage.go()
    assert stage.inbox is not None
    exists, count, fetch, seen, expunge, none = ear.told
    assert exists.pop("idate").endswith(".000Z")
    assert len(exists.pop("thread")) == len(exists["message"]) == 24
    about = {"message": exists["message"], "mailbox": stage.inbox.id, "uid": arrival.uid}
    stored = run(stage.world.store.mailboxes.get(stage.account, "INBOX"))
    assert stored is not None
    assert exists.pop("size") > len(MAIL)
    assert exists == {"command": "EXISTS", **about, "flags": [], "unseen": True}
    assert fetch == {
        "command": "FETCH",
        **about,
        "flags": ["\\Seen", "$Later"],
        "unseen": False,
    }
    assert expunge == {"command": "EXPUNGE", **about}
    counts = [(one["total"], one["unseen"]) for one in (count, seen, none)]
    assert counts == [(1, 1), (1, 0), (0, 0)]
    assert {one["mailbox"] for one in (count, seen, none)} == {stage.inbox.id}
    assert ear.ids == sorted(set(ear.ids))


def test_mailboxes_are_told_of(stage: Stage) -> None:
    ear = stage.listen()
    boxes = stage.world.mailboxes
    made = run(boxes.create(stage.account, "Läden/Buch", ACTOR))
    run(boxes.rename(stage.account, "Läden/Buch", "Bücher", ACTOR))
    run(boxes.remove(stage.account, "Bücher", ACTOR))
    stage.go()
    commands = [one for one in ear.told if one["mailbox"] == made.id and "total" not in one]
    assert commands == [
        {"command": "CREATE", "mailbox": made.id, "name": "Buch", "path": "Läden/Buch"},
        {
            "command": "RENAME",
            "mailbox": made.id,
            "name": "Bücher",
            "path": "Bücher",
            "oldPath": "Läden/Buch",
        },
        {"command": "DELETE", "mailbox": made.id, "name": "Bücher", "path": "Bücher"},
    ]


def test_others_hear_nothing_of_it(stage: Stage) -> None:
    ear = stage.listen(account=stage.world.people["ann@example.org"].number)
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert ear.told == []


def test_counters_come_once_for_changes_that_come_together(stage: Stage) -> None:
    ear = stage.listen()
    for _ in range(30):
        stage.world.deliver(JOE, MAIL)
    stage.go()
    assert ear.words.count("EXISTS") == 30
    assert ear.words.count("COUNTERS") <= 2
    assert ear.told[-1] == {**ear.told[-1], "command": "COUNTERS", "total": 30, "unseen": 30}


def test_one_row_about_many_messages_is_told_in_pages_without_a_gap(stage: Stage) -> None:
    for _ in range(450):
        stage.world.deliver(JOE, MAIL)
    ear = stage.listen()
    stage.flag(UidSet.of([(1, 1000)]), Flags(SEEN))
    stage.go(1)
    fetched = [one["uid"] for one in ear.told if one["command"] == "FETCH"]
    assert fetched == list(range(1, 451))
    assert ear.words.count("COUNTERS") == 1
    # Each event has a place of its own, to go on behind.
    middle = ear.ids[223]
    again = stage.listen(middle)
    assert [one["uid"] for one in again.told if one["command"] == "FETCH"] == fetched[223:]


# -- going on


def test_who_was_away_goes_on_behind_the_last_event(stage: Stage) -> None:
    ear = stage.listen()
    stage.world.deliver(JOE, MAIL)
    stage.go()
    last = ear.ids[-1]
    ear.work.cancel()
    assert stage.feeds.listening == 0
    for _ in range(3):
        stage.world.deliver(JOE, MAIL)
    again = stage.listen(last)
    assert [one["uid"] for one in again.told if one["command"] == "EXISTS"] == [2, 3, 4]
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert [one["uid"] for one in again.told if one["command"] == "EXISTS"] == [2, 3, 4, 5]


def test_who_comes_while_others_listen_hears_each_event_once(stage: Stage) -> None:
    stage.world.deliver(JOE, MAIL)
    start = Place(1).text()
    first = stage.listen()
    stage.world.deliver(JOE, MAIL)
    late = stage.listen(start)  # the feed has not told of the second one yet
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert [one["uid"] for one in first.told if one["command"] == "EXISTS"] == [2, 3]
    assert [one["uid"] for one in late.told if one["command"] == "EXISTS"] == [1, 2, 3]


@pytest.mark.parametrize("last", ["x", "123", "g" * 24, "1" * 23])
def test_what_is_no_id(stage: Stage, last: str) -> None:
    with pytest.raises(Invalid):
        stage.listen(last)


def _from_the_future(stage: Stage) -> str:
    return Place(10**6).text()


def _too_long_ago(stage: Stage) -> str:
    stage.world.clock.advance(stage.settings.replay + 60)
    return Place(2).text()


def _purged(stage: Stage) -> str:
    stage.world.store.database.execute("DELETE FROM journal WHERE number < 5")
    return Place(2).text()


@pytest.mark.parametrize("gone", [_from_the_future, _too_long_ago, _purged])
def test_where_nobody_can_go_on_all_may_be_different(stage: Stage, gone: Any) -> None:
    stage.world.deliver(JOE, MAIL)
    last = gone(stage)
    ear = stage.listen(last)
    boxes = run(stage.world.store.mailboxes.all(stage.account))
    assert ear.words == ["RESET", *["COUNTERS"] * len(boxes)]
    assert Place.read(ear.ids[0]).number < 10**6
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert "EXISTS" in ear.words


# -- many, slow, and unwanted ones


def test_the_journal_is_read_and_written_once_for_all(stage: Stage) -> None:
    ears = [stage.listen() for _ in range(200)]
    pages = 0
    real = stage.updates.page

    async def page(*args: Any) -> Any:
        nonlocal pages
        pages += 1
        return await real(*args)

    stage.updates.page = page  # type: ignore[method-assign]
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert pages == 1
    assert all(ear.told == ears[0].told for ear in ears)
    assert ears[0].words == ["EXISTS", "COUNTERS"]


def test_who_does_not_keep_up_is_dropped_and_nobody_else() -> None:
    stage = Stage(buffer=5000)
    slow, quick = stage.listen(), stage.listen()
    slow.deaf = True
    for _ in range(60):
        stage.world.deliver(JOE, MAIL)
        stage.go()
    assert quick.words.count("EXISTS") == 60
    before = slow.ids[-1]
    slow.hear()
    assert slow.ended
    assert not quick.ended
    assert stage.listen(before).words.count("EXISTS") == 60 - slow.words.count("EXISTS")


def test_there_may_be_so_many() -> None:
    stage = Stage(listeners=2)
    first, _ = stage.listen(), stage.listen()
    with pytest.raises(LimitReached):
        stage.listen()
    first.work.cancel()
    stage.listen()


def test_silence_is_broken(stage: Stage) -> None:
    ear = stage.listen()
    for _ in range(50):
        stage.reactor.advance(1)
    assert [line for line in ear.heard.decode().split("\n") if line.startswith(": idling")] == [
        ": idling 1",
        ": idling 2",
        ": idling 3",
    ]
    assert ear.told == []


def test_a_heartbeat_says_where_to_go_on(stage: Stage) -> None:
    ear = stage.listen()
    for _ in range(20):
        stage.world.deliver("ann@example.org", MAIL)
    for _ in range(16):
        stage.reactor.advance(1)
    newest = run(stage.updates.newest())
    assert ear.ids[-1] == newest.text()
    assert stage.listen(ear.ids[-1]).told == []


@pytest.mark.parametrize("what", ["password", "sessions", "disabled", "removed"])
def test_streams_end_with_the_sessions_of_the_account(stage: Stage, what: str) -> None:
    ear = stage.listen()
    other = stage.listen(account=stage.world.people["ann@example.org"].number)
    accounts = stage.world.accounts
    account = run(accounts.get(stage.account))
    match what:
        case "password":
            run(accounts.set_password(stage.account, "another one", ACTOR))
        case "sessions":
            run(accounts.end_sessions(stage.account, ACTOR))
        case "disabled":
            run(accounts.update(replace(account, disabled=True), ACTOR))
        case "removed":
            run(accounts.remove(stage.account, ACTOR))
    assert ear.ended
    assert not other.ended
    assert stage.feeds.listening == 1


def test_what_ends_while_a_stream_begins_ends_it(stage: Stage) -> None:
    """The call was admitted, and then the account's sessions ended before it was heard of."""
    account = run(stage.world.accounts.get(stage.account))
    stream = run(stage.feeds.stream(stage.account, account.auth_version, ""))
    run(stage.world.accounts.end_sessions(stage.account, ACTOR))
    ear = Ear(stream)
    stage.go()
    assert ear.ended
    assert stage.feeds.listening == 0


def test_the_last_one_may_leave_while_another_comes(stage: Stage) -> None:
    for _ in range(5):
        stage.world.deliver(JOE, MAIL)
    first = stage.listen()
    second = Ear(run(stage.feeds.stream(stage.account, 1, Place(1).text())), deaf=True)
    first.work.cancel()
    second.hear()
    stage.go()
    stage.world.deliver(JOE, MAIL)
    stage.go()
    assert [one["uid"] for one in second.told if one["command"] == "EXISTS"] == [1, 2, 3, 4, 5, 6]


def test_a_change_that_ends_no_session_ends_no_stream(stage: Stage) -> None:
    ear = stage.listen()
    account = run(stage.world.accounts.get(stage.account))
    run(stage.world.accounts.update(replace(account, name="Joe"), ACTOR))
    stage.go()
    assert not ear.ended


def test_a_store_that_fails_is_asked_again(stage: Stage) -> None:
    ear = stage.listen()
    real, failures = stage.updates.page, 2

    async def page(*args: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable
        return await real(*args)

    stage.updates.page = page  # type: ignore[method-assign]
    stage.world.deliver(JOE, MAIL)
    for _ in range(40):
        stage.reactor.advance(0.1)
    assert ear.words == ["EXISTS", "COUNTERS"]


def test_a_long_journal_of_others_is_gone_through_in_steps(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailhub.store.events.SCAN", 7)
    ear = stage.listen()
    for _ in range(40):
        stage.world.deliver("ann@example.org", MAIL)
    stage.world.deliver(JOE, MAIL)
    stage.go(1)
    assert ear.words == ["EXISTS", "COUNTERS"]
    assert stage.listen(ear.ids[0]).words[0] == "EXISTS"
