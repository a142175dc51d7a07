"""One account's mail is copied and followed: over the acts of a world in memory, from a server that
misbehaves as servers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailhub.switching.copying import Copied, Copying, verified
from mailhub.switching.faults import Refusal, SwitchFault
from mailhub.switching.ledger import Book, Stage
from mailhub.switching.remote import Away
from tests.leaving import JOE, Acts, FakeRemote, There, letter
from tests.support import run


class Case:
    """Both, and what is noted."""

    def __init__(self, folder: Path) -> None:
        self.house = Acts()
        self.remote = FakeRemote()
        self.book = Book(folder / "switch", lambda: 1000.0)
        self.book.await_mail(JOE, JOE)

    def copy(self, *, late: bool = False) -> Copied:
        self.remote.asked_for.clear()
        ledger = self.book.ledger(JOE)
        try:
            remote: Any = self.remote
            return Copying(self.house, remote, ledger, JOE, lambda count: None, late=late).all()
        finally:
            ledger.save()
            ledger.close()

    def same(self) -> bool:
        ledger = self.book.ledger(JOE)
        try:
            remote: Any = self.remote
            found = verified(self.house, remote, ledger, JOE, encrypted=False)
            return all(one.same for one in found.values())
        finally:
            ledger.close()

    def damaged(self) -> Sequence[tuple[str, int, str]]:
        ledger = self.book.ledger(JOE)
        try:
            return ledger.damaged()
        finally:
            ledger.close()


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    case = Case(tmp_path)
    yield case
    case.book.close()


def filled(case: Case, count: int = 5) -> There:
    inbox = case.remote.inbox
    for number in range(count):
        inbox.add(letter(number), "\\Seen" if number % 2 else "$Todo")
    inbox.expunge(2)
    return inbox


def test_mail_comes_with_its_uids_and_flags_and_only_once(case: Case) -> None:
    filled(case)
    assert case.copy().taken == 4
    assert case.house.seen() == {1: ("$todo",), 3: ("$todo",), 4: ("\\seen",), 5: ("$todo",)}
    assert case.same()
    again = case.copy()
    assert (again.taken, again.known, again.reflagged, again.dropped) == (0, 0, 0, 0)
    assert case.remote.asked_for == []


@pytest.mark.parametrize("condstore", [True, False])
def test_what_changes_there_changes_here(case: Case, condstore: bool) -> None:
    case.remote.condstore = condstore
    inbox = filled(case)
    case.copy()
    inbox.flag(1, "\\Seen", "\\Flagged")
    inbox.expunge(3)
    inbox.add(letter(9))
    done = case.copy()
    assert (done.taken, done.reflagged, done.dropped) == (1, 1, 1)
    assert case.house.seen() == {1: ("\\flagged", "\\seen"), 4: ("\\seen",), 5: ("$todo",), 6: ()}
    assert case.same()
    assert case.house.ask("archive-list", user=JOE)["total"] == 1, "it can be had back"


def test_what_is_cut_off_goes_on_where_it_was(case: Case) -> None:
    filled(case)
    case.remote.breaks_after = 2
    with pytest.raises(Away):
        case.copy()
    assert list(case.house.seen()) == [1, 3]
    case.remote.breaks_after = 1 << 30
    assert case.copy().taken == 2
    assert case.remote.asked_for == [4, 5]
    assert case.same()


def test_nothing_is_doubled_where_the_notes_are_lost(case: Case, tmp_path: Path) -> None:
    filled(case)
    case.copy()
    for file in (tmp_path / "switch" / "mail").iterdir():
        file.unlink()
    done = case.copy()
    assert (done.taken, done.known) == (0, 4)
    assert len(case.house.seen()) == 4
    assert case.same()


def test_damaged_messages_are_told_left_out_and_tried_again(case: Case) -> None:
    filled(case)
    case.remote.broken = {3}
    assert case.copy().taken == 3
    assert case.damaged() == [("INBOX", 3, "[SERVERBUG] index is corrupted")]
    assert not case.same()
    case.remote.broken = set()
    assert case.copy().taken == 1
    assert case.remote.asked_for == [3]
    assert case.damaged() == []
    assert case.same()


def test_damaged_messages_that_went_are_forgotten(case: Case) -> None:
    inbox = filled(case)
    case.remote.broken = {3}
    case.copy()
    inbox.expunge(3)
    case.copy()
    assert case.damaged() == []


def test_a_new_uidvalidity_is_no_new_mail(case: Case) -> None:
    inbox = filled(case)
    case.copy()
    before = case.house.seen()
    inbox.expunge(5)
    inbox.renumber()
    inbox.flag(1, "\\Answered")
    done = case.copy()
    assert (done.taken, done.known, done.dropped) == (0, 3, 1)
    assert case.house.seen() == {1: ("\\answered",), 3: before[3], 4: before[4]}
    assert case.same()
    inbox.add(letter(10))
    assert case.copy().taken == 1
    assert case.same()


def test_a_mailbox_with_mail_of_its_own_keeps_it(case: Case) -> None:
    case.house.world.deliver(JOE, letter(100))
    filled(case)
    done = case.copy()
    assert (done.taken, done.renumbered) == (4, 4)
    assert len(case.house.seen()) == 5
    assert case.same()
    case.remote.inbox.expunge(1)
    assert case.copy().dropped == 1
    assert len(case.house.seen()) == 4


def test_what_was_deleted_here_does_not_come_back(case: Case) -> None:
    inbox = filled(case)
    case.copy()
    case.house.ask("switch-drop", user=JOE, mailbox="INBOX", uids=[4])
    inbox.flag(4, "\\Flagged")
    inbox.flag(1, "\\Flagged")
    done = case.copy()
    assert done.taken == 0
    assert case.house.seen()[1] == ("\\flagged",)
    assert 4 not in case.house.seen()


def test_who_lives_here_gets_what_came_there_late_and_no_more(case: Case) -> None:
    inbox = filled(case)
    case.remote.tree["New"] = There()
    case.copy()
    case.house.world.deliver(JOE, letter(50))
    case.house.ask("switch-drop", user=JOE, mailbox="INBOX", uids=[1])
    validity = _validity(case)
    inbox.flag(3, "\\Flagged")
    inbox.expunge(4)
    inbox.add(letter(60), "\\Seen")
    del case.remote.tree["New"]
    case.remote.tree["Newer"] = There()
    done = case.copy(late=True)
    assert (done.taken, done.reflagged, done.dropped, done.renumbered) == (1, 0, 0, 0)
    assert case.house.seen() == {
        3: ("$todo",),
        4: ("\\seen",),
        5: ("$todo",),
        6: (),
        7: ("\\seen",),
    }
    assert {"New", "Newer"} & set(case.house.boxes()) == {"New"}
    assert _validity(case) == validity
    assert case.copy(late=True).taken == 0


def _validity(case: Case) -> int:
    account = case.house.world.people[JOE].number
    return run(case.house.world.mailboxes.get(account, "INBOX")).uidvalidity


def test_default_mailboxes_take_the_names_they_have_there(case: Case) -> None:
    case.remote.tree |= {"Sent Items": There(), "Bin": There(), "Work/2024": There()}
    case.remote.uses = {"Sent Items": "\\sent", "Bin": "\\trash"}
    case.remote.tree["Sent Items"].add(letter(1), "\\Seen")
    case.copy()
    rows = {box["name"]: box for box in case.house.ask("mailbox-list", user=JOE)}
    assert rows["Sent Items"]["special_use"] == "\\Sent"
    assert rows["Sent Items"]["messages"] == 1
    assert rows["Bin"]["special_use"] == "\\Trash"
    assert "Sent" not in rows
    assert "Work/2024" in rows
    case.copy()
    assert set(case.house.boxes()) == set(rows)


def test_a_folder_that_is_gone_there_goes_here(case: Case) -> None:
    case.remote.tree["Old"] = There()
    case.remote.tree["Old"].add(letter(1))
    case.copy()
    assert case.house.boxes()["Old"] == 1
    del case.remote.tree["Old"]
    case.copy()
    assert "Old" not in case.house.boxes()


def test_a_list_without_an_inbox_is_not_believed(case: Case) -> None:
    filled(case)
    case.copy()
    case.remote.tree = {}
    with pytest.raises(Refusal, match="INBOX"):
        case.copy()
    assert len(case.house.seen()) == 4


def test_one_folder_that_cannot_be_read_hinders_no_other(case: Case) -> None:
    filled(case)
    case.remote.tree["Odd"] = There(validity=0)
    done = case.copy()
    assert done.taken == 4
    (note,) = done.notes
    assert note.startswith("Odd: ")


def test_a_full_account_is_an_error_and_nothing_is_lost(case: Case) -> None:
    filled(case, 5)
    case.house.ask("user-set", name=JOE, quota=60)
    with pytest.raises(Refusal) as full:
        case.copy()
    assert full.value.kind == "OverQuota"
    few = len(case.house.seen())
    assert few < 4
    case.house.ask("user-set", name=JOE, quota=1 << 20)
    assert case.copy().taken == 4 - few
    assert case.same()


def test_one_command_at_a_time_moves_from_a_source(case: Case, tmp_path: Path) -> None:
    other = Book(tmp_path / "switch")
    case.book.claim()
    case.book.claim()
    with pytest.raises(SwitchFault, match="another"):
        other.claim()
    other.close()


def test_stages_are_told(case: Case) -> None:
    case.book.stage(JOE, Stage.COPIED, messages=3)
    case.book.stage(JOE, Stage.FAILED, "no route")
    (post,) = case.book.posts()
    assert (post.stage, post.detail, post.messages, post.at) == (Stage.FAILED, "no route", 3, 1000)
    case.book.await_mail(JOE, "joe")
    assert case.book.posts()[0].login == "joe"
    assert case.book.posts()[0].messages == 3
