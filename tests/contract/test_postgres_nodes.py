"""Several processes on one database, and a database that dies: nothing is lost or done twice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.selected import Selections
from mailhub.core.watch import Watch
from mailhub.model.change import Arrived, Change, KeywordSet, Missed, Queued
from mailhub.model.errors import MailhubError, Unavailable
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.message import Arrival, Copy
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from mailhub.store.postgres import news
from mailhub.store.postgres.committer import Committer
from mailhub.store.postgres.connection import Connection, LostError
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, MESSAGE, PATIENCE, House, TextBody, rendered

pytestmark = pytest.mark.live


def delivering(house: House, account: int, token: str) -> Awaitable[Sequence[Arrival]]:
    """Asks for one delivery; the answer is to be waited for."""
    copies = [Copy(account, None, b"")]
    return house.store.messages.deliver(
        token, TextBody(MESSAGE), rendered(), copies, None, (), ACTOR
    )


def test_two_processes_give_every_message_a_uid_of_its_own(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, boxes = one.account()
        waiting = []
        for serial in range(60):
            house = two if serial % 2 else one
            waiting.append((house, delivering(house, account.number, f"{serial:020d}")))
        uids = sorted(house.ask(answer)[0].uid for house, answer in waiting)
        assert uids == list(range(1, 61))
        assert one.uids(account.number, boxes["INBOX"]) == uids
        entries = two.ask(two.store.journal.since(0))
        numbers = [entry.number for entry in entries]
        assert len(set(numbers)) == len(numbers)
        modseqs = [entry.modseq for entry in entries if entry.kind == "arrived"]
        assert len(set(modseqs)) == 60
    finally:
        one.stop()
        two.stop()


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_was_lost(
    shared_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    house = shared_postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        real: Callable[[Connection], None] = Connection.commit

        def lost(connection: Connection) -> None:
            if not connection.execute("SELECT token FROM handover").fetchone():
                real(connection)  # the store's own work
                return
            monkeypatch.setattr(Connection, "commit", real)
            if committed:
                real(connection)
            connection.close()
            raise LostError(Unavailable())

        monkeypatch.setattr(Connection, "commit", lost)
        answer = delivering(house, account.number, "1" * 20)
        if committed:
            assert house.ask(answer)[0].uid == 1
        else:
            with pytest.raises(Unavailable):
                house.ask(answer)
        assert house.uids(account.number, boxes["INBOX"]) == ([1] if committed else [])
        # A client that sends again makes no second copy.
        house.ask(delivering(house, account.number, "1" * 20))
        assert house.uids(account.number, boxes["INBOX"]) == [1]
    finally:
        house.stop()


def test_a_database_that_dies_and_comes_back(tmp_path: Path) -> None:
    postgres = Postgres()
    house = postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        taken = []
        for serial in range(40):
            if serial == 20:
                postgres.server.kill()
                with pytest.raises(MailhubError):
                    house.ask(delivering(house, account.number, f"{99:020d}"))
                postgres.server.start()
            answer = house.ask(delivering(house, account.number, f"{serial:020d}"))
            taken.append(answer[0].uid)
        assert house.uids(account.number, boxes["INBOX"]) == taken
    finally:
        house.stop()
        postgres.close()


def heard(*houses: House) -> list[list[Change]]:
    """What each was told, when all of it came; the queue's mail without its octets."""

    def waiting() -> bool:
        for house in houses:
            house.reactor.advance(1)
            house.reactor.turn()
        return len({len(house.changes) for house in houses}) > 1

    deadline = time.monotonic() + PATIENCE
    while waiting():
        assert time.monotonic() < deadline, [len(house.changes) for house in houses]
        time.sleep(0.01)
    return [
        [
            replace(one, fresh=None, far=False) if isinstance(one, Queued) else one
            for one in house.changes
        ]
        for house in houses
    ]


def still(house: House) -> None:
    """Until it looks no more before its clock goes on: its looking and its background wait."""
    house.reactor.until(lambda: len(house.reactor.getDelayedCalls()) == 2)
    house.changes.clear()


def test_every_process_hears_of_every_change_once_and_in_order(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, boxes = one.account("Other")
        number, inbox, other = account.number, boxes["INBOX"], boxes["Other"]
        uids = UidSet(((1, 2),))
        for serial, house in enumerate((one, two, two, one, one, two)):
            house.ask(delivering(house, number, f"{serial:020d}"))
        flags = Flags(0, ("work",))
        two.ask(two.store.messages.store_flags(number, inbox, uids, FlagMode.ADD, flags, ACTOR))
        one.ask(one.store.messages.move(number, inbox, uids, other, ACTOR))
        two.ask(two.store.mailboxes.rename(number, [(other, "Another")], ACTOR))
        one.ask(one.store.accounts.end_sessions(number, ACTOR, "enough"))
        first, second = heard(one, two)
        assert first == second
        assert len({one.journal for one in first if isinstance(one, Arrived)}) == 7
        assert {type(one).__name__ for one in first} >= {
            "AccountChanged",
            "Arrived",
            "Expunged",
            "Flagged",
            "KeywordSet",
            "MailboxChanged",
        }
    finally:
        one.stop()
        two.stop()


def test_a_mailbox_is_opened_with_all_that_was_done_elsewhere(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    """One that this process opened before, and of which it has not heard since."""
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, boxes = one.account()
        selections = Selections(two.store, Watch(two.store), StoreSettings())
        selections.release(two.ask(selections.open(account.number, boxes["INBOX"])))
        for serial in range(2):
            still(two)
            uid = one.ask(delivering(one, account.number, f"{serial:020d}"))[0].uid
            assert not two.changes
            box = two.ask(selections.open(account.number, boxes["INBOX"]))
            assert (len(box), box.uidnext) == (uid, uid + 1)
            selections.release(box)
    finally:
        one.stop()
        two.stop()


@settings(max_examples=12, deadline=None)
@given(
    acts=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("dfxwlt")), min_size=1, max_size=25)
)
def test_interleaved_commits_are_heard_alike(
    trio: tuple[list[House], int, int], acts: list[tuple[int, str]]
) -> None:
    """d: delivered, f: flagged, x: expunged, w: not waited for, l: looked, t: told so far."""
    houses, account, inbox = trio
    for house in houses:
        house.changes.clear()
    for who, act in acts:
        house = houses[who]
        messages, some = house.store.messages, UidSet(((1, 5 + who),))
        match act:
            case "d":
                house.ask(delivering(house, account, secrets.token_hex(10)))
            case "f":
                mode = FlagMode.REPLACE
                flags = Flags(SEEN if len(acts) % 2 else 0, (f"k{who}",))
                house.ask(messages.store_flags(account, inbox, some, mode, flags, ACTOR))
            case "x":
                house.ask(messages.expunge(account, inbox, some, ACTOR, only_deleted=False))
            case "w":
                delivering(house, account, secrets.token_hex(10))
            case "l":
                house.reactor.advance(1)
            case "t":
                house.reactor.turn()
    for house in houses:
        house.ask(house.store.mailboxes.subscribe(account, "x", len(acts) % 2 > 0, ACTOR))
    told = heard(*houses)
    assert told[0] == told[1] == told[2]
    journal = [one.journal for one in told[0] if not isinstance(one, KeywordSet)]
    assert journal == sorted(journal)
    index = {
        house.ask(house.store.messages.index(account, inbox)).highestmodseq for house in houses
    }
    assert len(index) == 1


@pytest.fixture(scope="module")
def trio(
    shared_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[House], int, int]]:
    """Three processes with an account."""
    houses = [shared_postgres.house(tmp_path_factory.mktemp("one"))]
    for name in ("two", "three"):
        folder = tmp_path_factory.mktemp(name)
        houses.append(shared_postgres.house(folder, beside=houses[0]))
    account, boxes = houses[0].account()
    heard(*houses)
    yield houses, account.number, boxes["INBOX"]
    for house in houses:
        house.stop()


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_never_came_is_heard_as_it_was(
    shared_postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    committed: bool,
) -> None:
    """Its own process cannot ask either, and tells the client that it failed; but what became of
    it is heard by all, itself included, once."""
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, _ = one.account()
        heard(one, two)
        real: Callable[[Connection], None] = Connection.commit

        def lost(connection: Connection) -> None:
            if not connection.execute("SELECT token FROM handover").fetchone():
                real(connection)  # the store's own work
                return
            if committed:
                real(connection)
            connection.close()
            raise LostError(Unavailable())

        def away(committer: Committer) -> bool:
            raise LostError(Unavailable())

        with monkeypatch.context() as patch:
            patch.setattr(Committer, "_happened", away)
            patch.setattr(Connection, "commit", lost)
            with pytest.raises(Unavailable):
                one.ask(delivering(one, account.number, "1" * 20))
        for house, token in ((two, "2" * 20), (one, "3" * 20)):
            house.ask(delivering(house, account.number, token))
        first, second = heard(one, two)
        assert first == second
        uids = [row.uid for one in first if isinstance(one, Arrived) for row in one.rows]
        assert uids == ([1, 2, 3] if committed else [1, 2])
    finally:
        one.stop()
        two.stop()


def test_who_was_away_too_long_is_told_that_it_missed_something(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, _ = one.account()
        heard(one, two)
        still(two)
        one.ask(delivering(one, account.number, "1" * 20))
        one.clock.advance(news.KEEP + 1)
        one.ask(delivering(one, account.number, "3" * 20))
        while one.ask(one.store.runner.write(news.purge)):
            continue
        two.reactor.advance(1)
        two.reactor.until(lambda: bool(two.changes))
        assert [type(one) for one in two.changes] == [Missed, Arrived]
        assert two.ask(delivering(two, account.number, "4" * 20))[0].uid == 3
    finally:
        one.stop()
        two.stop()


def test_who_commits_after_a_long_silence_does_not_hold_up_others_to_read(
    shared_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "LATE", 5)
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, _ = one.account()
        heard(one, two)
        still(two)
        for serial in range(8):
            one.ask(delivering(one, account.number, f"{serial:020d}"))
        two.ask(delivering(two, account.number, "4" * 20))
        assert [type(one) for one in two.changes] == [Missed, Arrived]
    finally:
        one.stop()
        two.stop()


@pytest.mark.parametrize("ahead", [0, 6])
def test_a_database_that_went_back_is_noticed_by_all_who_knew_more(
    shared_postgres: Postgres, tmp_path: Path, ahead: int
) -> None:
    """As after a standby took over that lagged. `ahead`: commits that another process makes then,
    before these hear of anything: numbers that they know are given anew."""
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    three: House | None = None
    try:
        account, _ = one.account()
        for serial in range(4):
            one.ask(delivering(one, account.number, f"{serial:020d}"))
        heard(one, two)
        one.changes.clear()
        two.changes.clear()
        go_back(shared_postgres.where(one), 3)
        three = shared_postgres.house(tmp_path, beside=one)
        for serial in range(ahead):
            three.ask(delivering(three, account.number, f"{serial + 10:020d}"))
        with suppress(Unavailable):  # its connection is gone
            one.ask(delivering(one, account.number, "3" * 20))
        one.ask(delivering(one, account.number, "4" * 20))
        for house in (one, two):
            until_heard(house, Missed)
        two.changes.clear()
        one.ask(delivering(one, account.number, "5" * 20))
        until_heard(two, Arrived)
        assert [type(change) for change in two.changes][-1] is Arrived
        assert [type(change) for change in one.changes].count(Missed) == 1
        assert type(one.changes[0]) is Missed
    finally:
        for house in (one, two, three):
            if house is not None:
                house.stop()


def go_back(where: str, commits: int) -> None:
    """The database forgets what it told last, and breaks every connection."""
    with psycopg.connect(where, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        database.execute(
            f"DELETE FROM news WHERE number > (SELECT max(number) - {commits} FROM news)".encode()
        )


def until_heard(house: House, kind: type[Change]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(isinstance(one, kind) for one in house.changes):
        assert time.monotonic() < deadline, house.changes
        house.reactor.advance(1)
        house.reactor.turn()
        time.sleep(0.01)
