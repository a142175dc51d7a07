"""Many accounts are copied at a time, and each is cut over at one moment or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailhub.switching import moving
from mailhub.switching.faults import SwitchFault
from mailhub.switching.house import House
from mailhub.switching.ledger import Book, Stage
from mailhub.switching.moving import Moving, Report
from mailhub.switching.remote import Away
from mailhub.switching.source import Imap, Login
from tests.leaving import JOE, Acts, FakeRemote, letter

IMAP = Imap(host="old.example", login=Login.MASTER, master="m", password="p")


class Flapping(FakeRemote):
    """`Remote` of everybody, as `moving` makes it. `away`: connections that fail; `refused`:
    whether logins are."""

    def __init__(self) -> None:
        super().__init__()
        self.away = 0
        self.connected = 0
        self.refused = False

    def connect(self) -> None:
        self.connected += 1
        if self.refused:
            raise SwitchFault("the login is refused")
        if self.away:
            self.away -= 1
            raise Away("no route to host")

    def close(self) -> None:
        return


class Inline:
    """A pool that works at once: the world's store belongs to one thread."""

    def __init__(self, workers: int, thread_name_prefix: str) -> None:
        assert workers >= 1

    def submit(self, work: Callable[..., Report], *words: Any) -> Future[Report]:
        done: Future[Report] = Future()
        done.set_result(work(*words))
        return done

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


class Case:
    """A move of joe."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = Acts()
        self.remote = Flapping()
        self.remote.inbox.add(letter(1), "\\Seen")
        self.remote.inbox.add(letter(2))
        monkeypatch.setattr(moving, "Remote", lambda *words: self.remote)
        monkeypatch.setattr(moving, "ThreadPoolExecutor", Inline)
        self.book = Book(folder / "switch", lambda: 5.0)
        self.book.await_mail(JOE, "joe")
        self.slept: list[float] = []
        self.told = 0

    def run(self, kind: str) -> Report:
        made = Moving(IMAP, self.book, self._here, self._tell, workers=4, sleep=self.slept.append)
        (report,) = made.each(self.book.posts(), getattr(made, kind))
        return report

    @contextmanager
    def _here(self) -> Iterator[House]:
        yield self.house

    def _tell(self, count: int) -> None:
        self.told += count

    @property
    def stage(self) -> Stage:
        return self.book.posts()[0].stage

    def phase(self) -> Any:
        return self.house.ask("elsewhere-show", user=JOE)["phase"]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    made = Case(tmp_path, monkeypatch)
    yield made
    made.book.close()


def test_copied_then_verified(case: Case) -> None:
    report = case.run("copy")
    assert (report.fault, report.copied.taken, case.told) == ("", 2, 2)
    assert case.stage is Stage.COPIED
    assert case.run("verify").same
    assert case.stage is Stage.VERIFIED
    case.remote.inbox.add(letter(3))
    report = case.run("verify")
    assert not report.same
    assert report.missing == [("INBOX", 3)]
    assert len(case.house.seen()) == 2, "comparing changes nothing"


def test_a_connection_that_breaks_is_made_again(case: Case) -> None:
    case.remote.away = 2
    assert case.run("copy").fault == ""
    assert case.slept == [1.0, 2.0]


def test_patience_ends_and_the_next_run_goes_on(case: Case) -> None:
    case.remote.away = 100
    assert case.run("copy").fault == "no route to host"
    assert case.stage is Stage.FAILED
    assert case.remote.connected == moving.TRIES
    case.remote.away = 0
    assert case.run("copy").fault == ""
    assert case.stage is Stage.COPIED


def test_a_login_that_is_refused_is_not_tried_again(case: Case) -> None:
    case.remote.refused = True
    assert case.run("copy").fault == "the login is refused"
    assert case.remote.connected == 1


def test_who_is_cut_over_is_here_with_its_last_mail(case: Case) -> None:
    case.house.ask("elsewhere-set", user=JOE, imap="imaps://old.example")
    case.run("copy")
    case.remote.inbox.add(letter(3))
    report = case.run("cut_over")
    assert (report.fault, report.same) == ("", True)
    assert case.phase() == "here"
    assert case.stage is Stage.HERE
    assert len(case.house.seen()) == 3


def test_where_messages_are_missing_it_goes_on_there(case: Case) -> None:
    case.house.ask("elsewhere-set", user=JOE, imap="imaps://old.example")
    case.run("copy")
    case.house.ask("switch-drop", user=JOE, mailbox="INBOX", uids=[2])
    report = case.run("cut_over")
    assert "UID 2 of INBOX" in report.fault
    assert case.phase() == "elsewhere"
    assert case.stage is Stage.FAILED


def test_damaged_messages_do_not_hold_it_up(case: Case) -> None:
    case.remote.broken = {2}
    report = case.run("cut_over")
    assert report.fault == ""
    assert [uid for _, uid, _ in report.damaged] == [2]
    assert case.stage is Stage.HERE


def test_a_failure_in_the_last_moment_leaves_it_there(case: Case) -> None:
    case.house.ask("elsewhere-set", user=JOE, imap="imaps://old.example")
    case.run("copy")
    phases = []

    def gone(name: str) -> Any:
        phases.append(case.phase())
        if phases[-1] == "moving":
            raise Away("reset by peer")
        return FakeRemote.open(case.remote, name)

    case.remote.open = gone  # type: ignore[method-assign]
    assert case.run("cut_over").fault == "reset by peer"
    assert "moving" in phases
    assert case.phase() == "elsewhere"


def test_who_is_here_stays_here_whatever_the_old_server_does(case: Case) -> None:
    case.run("cut_over")
    case.remote.inbox.add(letter(3))
    assert case.run("copy").copied.taken == 1
    case.remote.refused = True
    assert case.run("copy").fault
    assert case.stage is Stage.HERE


def test_an_account_without_a_secret_is_told(tmp_path: Path, case: Case) -> None:
    (tmp_path / "p.csv").touch(mode=0o600)
    each = Imap(host="old.example", credentials=str(tmp_path / "p.csv"))
    made = Moving(each, case.book, case._here, case._tell, workers=1)
    (report,) = made.each(case.book.posts(), made.copy)
    assert "has no line for joe" in report.fault
