"""Bodies beside the store go into backups: each once, in steps, nothing taken for granted."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.core.backup import Backups
from mailhub.model.errors import Unavailable
from mailhub.model.settings import BackupSettings
from mailhub.ports.backup import Unread
from tests.backing import FakeBodies, backups
from tests.fakes import FakeClock, ListLog
from tests.support import run


class Site:
    def __init__(self, *names: str, **settings: Any) -> None:
        self.clock, self.log, self.bodies = FakeClock(1e9), ListLog(), FakeBodies()
        given = BackupSettings(**{"target": "local", **settings})
        self.backups: Backups = backups(self.clock, self.log, given, self.bodies)
        parts: Any = self.backups
        self.picture, self.repository = parts._picture, parts._repository
        self.add(*names)

    def add(self, *names: str) -> None:
        for name in names:
            self.bodies.bucket[name] = f"octets of {name}"
            self.bodies.wanted.append(name)

    def again(self) -> None:
        """Another process has the next turn, and nothing in its folder."""
        fresh = FakeBodies()
        fresh.bucket, fresh.wanted = self.bodies.bucket, self.bodies.wanted
        held = self.repository
        self.bodies = fresh
        self.backups = backups(self.clock, self.log, BackupSettings(target="local"), fresh)
        parts: Any = self.backups
        parts._repository = parts._copies._repository = held

    def run(self) -> dict[str, str]:
        """Makes one; the bodies in it."""
        made = run(self.backups.run())
        found: dict[str, str] = self.repository.holds[made.id]
        return found


def test_each_goes_once_in_steps() -> None:
    site = Site(*"abcde")
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == list("abcde")
    assert site.repository.made == 3, "two on the way, and the backup"
    assert site.repository.parts == []
    site.add("f")
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == list("abcdef")
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == list("abcdef")


def test_what_was_freed_is_in_no_new_one() -> None:
    site = Site(*"abc")
    site.run()
    site.bodies.wanted.remove("b")
    del site.bodies.bucket["b"]
    assert sorted(site.run()) == ["a", "c"]
    assert site.backups.last.text == ""


def test_nothing_goes_from_the_bucket_meanwhile() -> None:
    site = Site("a")
    site.run()
    assert site.bodies.held == [True, False]
    site.repository.problem = Unavailable("away")
    with pytest.raises(Unavailable):
        site.run()
    assert site.bodies.held == [True, False] * 2
    assert site.picture.taken == site.picture.dropped == 2


def test_who_is_stopped_goes_on_from_the_last_step() -> None:
    site = Site(*"abcdef")
    fetch, stops = site.bodies.fetch, iter([False, False, True])

    async def stopping() -> bool:
        if next(stops):
            raise Unavailable("The bucket cannot be read")
        return await fetch()

    site.bodies.fetch = stopping  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        site.run()
    assert site.backups.last.text == "The bucket cannot be read"
    assert run(site.backups.status()).snapshots == (), "what is on its way is no backup"
    assert len(site.repository.parts) == 1
    site.bodies.fetch = fetch  # type: ignore[method-assign]
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == list("abcdef")


def test_another_process_goes_on() -> None:
    site = Site(*"abc")
    site.run()
    site.again()
    site.add("d")
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == ["d"]


def test_what_the_bucket_has_lost_is_told_and_the_rest_is_kept() -> None:
    site = Site(*"abc")
    del site.bodies.bucket["b"]
    assert sorted(site.run()) == ["a", "c"]
    last = site.backups.last
    assert last.good == last.at
    assert "lacks 1 larger" in last.text
    [told] = [one for one in site.log.named("backup") if one["outcome"] == "lacking"]
    assert told["bodies"] == 1


def test_a_copy_that_lacks_bodies_is_trusted_no_more() -> None:
    site = Site(*"abc")
    site.run()
    site.repository.unread = Unread("not whole")
    with pytest.raises(Unread):
        site.run()
    site.repository.unread = None
    assert site.run() == site.bodies.bucket
    assert site.bodies.fetched == list("abc") * 2, "all of them are fetched again"
    site.run()
    assert site.bodies.fetched == list("abc") * 2
