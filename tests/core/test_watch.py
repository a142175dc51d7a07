from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from mailhub.core import watch as watching
from mailhub.core.watch import Watch
from mailhub.model.account import Principal, Role, Service
from mailhub.model.change import AccountChanged, AddressesChanged, Change, MailboxChanged, Queued
from mailhub.model.errors import AuthenticationFailed
from mailhub.model.queue import Slot
from mailhub.ports import Storage
from tests.fakes import ListLog


class Told:
    """The one method of a store that a watch needs."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[Sequence[Change]], None]] = []

    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def tell(self, *changes: Change) -> None:
        for watcher in self.watchers:
            watcher(changes)


def watched() -> tuple[Told, Watch, ListLog]:
    told, log = Told(), ListLog()
    return told, Watch(cast(Storage, told), log), log


def box(account: int, journal: int = 1) -> MailboxChanged:
    return MailboxChanged(journal, account, 5, "created", "x")


def test_a_listener_hears_its_account_only_and_in_order() -> None:
    told, watch, _ = watched()
    heard: list[Sequence[Change]] = []
    watch.subscribe(1, heard.append)
    told.tell(box(1), box(2), AccountChanged(2, 1, "secrets", 3))
    told.tell(box(2), Queued(4, (Slot(1, 0, "x"),)), AddressesChanged(5, "address"))
    assert heard == [[box(1), AccountChanged(2, 1, "secrets", 3)]]


def test_who_ended_hears_no_more_and_may_end_twice() -> None:
    told, watch, _ = watched()
    heard: list[Any] = []
    end = watch.subscribe(1, heard.append)
    other = watch.subscribe(1, heard.append)
    assert watch.listening(1) == 2
    end()
    end()
    told.tell(box(1))
    assert len(heard) == 1
    other()
    assert watch.listening(1) == 0
    told.tell(box(1))
    assert len(heard) == 1


def test_a_listener_that_fails_is_logged_and_the_others_hear() -> None:
    told, watch, log = watched()
    heard: list[Any] = []

    def broken(changes: Sequence[Change]) -> None:
        raise RuntimeError("broken session")

    watch.subscribe(1, broken)
    watch.subscribe(1, heard.append)
    told.tell(box(1))
    assert len(heard) == 1
    assert log.named("watch-failed") == [{"error": "RuntimeError", "reason": "broken session"}]


def test_listeners_may_come_and_go_while_they_are_told() -> None:
    told, watch, _ = watched()
    heard: list[str] = []
    ends: list[Callable[[], None]] = []

    def first(changes: Sequence[Change]) -> None:
        heard.append("first")
        ends[1]()
        watch.subscribe(1, lambda changes: heard.append("new"))

    ends.append(watch.subscribe(1, first))
    ends.append(watch.subscribe(1, lambda changes: heard.append("second")))
    told.tell(box(1))
    assert heard == ["first"]
    told.tell(box(1))
    assert heard == ["first", "first", "new"]


def test_a_closed_watch_is_forgotten_by_the_store() -> None:
    told, watch, _ = watched()
    watch.close()
    assert told.watchers == []


def principal(account: int, auth_version: int) -> Principal:
    return Principal(account, "a" * 24, "joe", Role.USER, Service.IMAP, auth_version)


def test_a_login_ends_once_and_says_why() -> None:
    told, watch, _ = watched()
    reasons: list[str] = []
    watch.login(principal(1, 3), reasons.append)
    told.tell(AccountChanged(1, 1, "updated", 3), AccountChanged(2, 2, "secrets", 9))
    assert reasons == []
    told.tell(AccountChanged(3, 1, "updated", 4, "Moved"), AccountChanged(4, 1, "removed", 5))
    told.tell(AccountChanged(5, 1, "secrets", 6))
    assert reasons == ["Moved"]
    assert watch.listening(1) == 0


def test_a_login_of_before_the_last_change_is_none() -> None:
    told, watch, _ = watched()
    told.tell(AccountChanged(1, 1, "secrets", 4))
    with pytest.raises(AuthenticationFailed):
        watch.login(principal(1, 3), lambda _: None)
    watch.login(principal(1, 4), lambda _: None)
    watch.login(principal(2, 1), lambda _: None)


def test_memory_of_changes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "REMEMBERED", 100)
    told, watch, _ = watched()
    for number in range(1, 1000):
        told.tell(AccountChanged(number, number, "secrets", 2))
        assert len(watch._versions) <= 100
    with pytest.raises(AuthenticationFailed):
        watch.login(principal(999, 1), lambda _: None)
