"""The threads around the store: order, back-pressure, wake-ups, restarts, one owner at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.change import Arrived
from mailhub.model.errors import InUse, Unavailable
from mailhub.model.message import Copy
from mailhub.model.settings import StoreSettings
from mailhub.store import database, segments
from mailhub.store.hop import Hop
from mailhub.store.sqlite import open_store
from mailhub.store.verify import verify
from tests.contract.stores import (
    ACTOR,
    ALL,
    MESSAGE,
    FakeReactor,
    House,
    TextBody,
    rendered,
    sqlite_house,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.thorough


def delivery(house: House, account: int, data: bytes = MESSAGE) -> Deferred[object]:
    copies = [Copy(account)]
    return house.store.messages.deliver(  # type: ignore[return-value]
        house.token(), TextBody(data), rendered(), copies, None, (), ACTOR
    )


def test_watchers_hear_before_the_caller_and_in_commit_order(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, _ = house.account()
    events: list[str] = []

    def listen(changes: object) -> None:
        for change in changes:  # type: ignore[attr-defined]
            if isinstance(change, Arrived):
                events.append(f"heard {change.rows[0].uid}")

    stop = house.store.watch(listen)
    waiting = []
    for place in range(1, 40):
        done = delivery(house, account.number)
        done.addCallback(lambda _, place=place: events.append(f"answered {place}"))
        waiting.append(done)
    house.reactor.until(lambda: len(events) == 2 * len(waiting))
    heard = [event for event in events if event.startswith("heard")]
    assert heard == [f"heard {place}" for place in range(1, 40)]
    for place in range(1, 40):
        assert events.index(f"heard {place}") < events.index(f"answered {place}")
    stop()
    house.ask(delivery(house, account.number))
    assert len(events) == 2 * len(waiting)
    house.stop()


def test_a_watcher_that_fails_stops_nobody(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    house.store.watch(lambda changes: 1 / 0)  # type: ignore[arg-type, return-value]
    heard: list[object] = []
    house.store.watch(heard.extend)
    account, _ = house.account()
    house.ask(delivery(house, account.number))
    assert any(isinstance(change, Arrived) for change in heard)
    house.stop()


def test_what_waits_together_wakes_the_reactor_once(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    waiting = [delivery(house, account.number) for _ in range(50)]
    before = house.reactor.wakes
    done: list[object] = []
    for one in waiting:
        one.addCallback(done.append)
    house.reactor.until(lambda: len(done) == 50)
    assert house.reactor.wakes - before <= 5
    assert house.uids(account.number, boxes["INBOX"]) == list(range(1, 51))
    house.stop()


def test_too_much_pending_is_refused_at_once(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path, pending=50_000)
    account, boxes = house.account()
    refused: list[object] = []
    waiting = []
    for _ in range(10):
        done = delivery(house, account.number, b"x" * 20_000)
        if done.called:
            done.addErrback(lambda failure: refused.append(failure.check(Unavailable)))
        else:
            waiting.append(done)
    assert len(waiting) == 2
    assert refused == [Unavailable] * 8
    for done in waiting:
        house.ask(done)
    # One message larger than all that may wait still gets in when nothing else does.
    house.ask(delivery(house, account.number, b"x" * 100_000))
    assert house.uids(account.number, boxes["INBOX"]) == [1, 2, 3]
    house.stop()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account("Other")
    house.fill(account.number, boxes["Other"], 3)
    before = house.ask(house.store.messages.index(account.number, boxes["Other"]))
    house.stop()
    again = sqlite_house(tmp_path)
    after = again.ask(again.store.messages.index(account.number, boxes["Other"]))
    assert after == before
    contents = again.ask(again.store.messages.contents(account.number, boxes["Other"], ALL))
    assert again.ask(again.blobs.read([one.blob for one in contents])) == [MESSAGE] * 3
    again.fill(account.number, boxes["Other"], 1)
    assert again.uids(account.number, boxes["Other"]) == [1, 2, 3, 4]
    assert segments.numbers(tmp_path / "store" / "segments") == [1]
    again.stop()
    assert verify(tmp_path / "store").findings == ()


def test_a_torn_tail_is_cut_off_at_the_start(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 2)
    house.stop()
    path = segments.path_of(tmp_path / "store" / "segments", 1)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"MHS1 torn by a crash" * 40)
    again = sqlite_house(tmp_path)
    assert path.stat().st_size == size
    again.fill(account.number, boxes["INBOX"], 1)
    assert len(list(segments.scan(path.parent, 1))) == 3
    again.stop()
    assert verify(tmp_path / "store").findings == ()


def test_one_process_owns_a_store(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    with pytest.raises(InUse):
        open_store(StoreSettings(), tmp_path / "store", FakeReactor(), FakeClock())
    with pytest.raises(InUse):
        verify(tmp_path / "store", repair=True)
    assert verify(tmp_path / "store").findings == ()
    house.stop()
    sqlite_house(tmp_path).stop()


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 1)
    for path in (tmp_path / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    house.stop()


def test_what_was_asked_for_is_finished_at_the_stop(tmp_path: Path) -> None:
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    waiting = [delivery(house, account.number) for _ in range(20)]
    stopping = house.store.stop()  # type: ignore[attr-defined]
    late = delivery(house, account.number)
    late.addErrback(lambda failure: failure.trap(Unavailable))
    house.ask(stopping)
    assert all(one.called for one in waiting)
    again = sqlite_house(tmp_path)
    assert again.uids(account.number, boxes["INBOX"]) == list(range(1, 21))
    again.stop()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    sqlite_house(tmp_path).stop()
    connection = database.connect_writer(tmp_path / "store")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(Unavailable, match="9999"):
        sqlite_house(tmp_path)
    with pytest.raises(Unavailable):
        verify(tmp_path / "store")


def test_readers_survive_a_damaged_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that fails costs its connection, and the next one is fine."""
    house = sqlite_house(tmp_path, readers=1)
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 1)

    def broken(folder: Path) -> None:
        raise OSError(5, "broken")

    monkeypatch.setattr("mailhub.store.segments.os.pread", lambda *args: broken(tmp_path))
    [content] = house.ask(house.store.messages.contents(account.number, boxes["INBOX"], ALL))
    with pytest.raises(Unavailable):
        house.ask(house.blobs.read([content.blob]))
    monkeypatch.undo()
    assert house.ask(house.blobs.read([content.blob])) == [MESSAGE]
    house.stop()


def test_a_hop_keeps_order_and_loses_nothing() -> None:
    reactor = FakeReactor()
    hop = Hop(reactor)
    got: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def post(lane: int) -> None:
        for number in range(2000):
            hop.post(lambda number=number: got[lane].append(number))

    threads = [threading.Thread(target=post, args=(lane,)) for lane in got]
    for thread in threads:
        thread.start()
    reactor.until(lambda: sum(map(len, got.values())) == 6000)
    for thread in threads:
        thread.join()
    assert all(numbers == list(range(2000)) for numbers in got.values())
    assert reactor.wakes < 6000
