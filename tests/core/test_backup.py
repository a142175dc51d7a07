"""When backups are made, where to, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.core.backup import Backups
from mailhub.model.backup import BackupTarget, LastBackup
from mailhub.model.errors import InUse, Invalid, NotFound, Unavailable
from mailhub.model.settings import BackupSettings
from tests.backing import backups
from tests.fakes import FakeClock, ListLog
from tests.support import run

MIDNIGHT = 1_799_971_200.0
HOUR = 3600


class Site:
    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock(MIDNIGHT)
        self.log = ListLog()
        given = {"target": "local", **settings}
        self.backups: Backups = backups(self.clock, self.log, BackupSettings(**given))
        parts: Any = self.backups
        self.picture, self.repository = parts._picture, parts._repository

    def rounds(self, hours: float) -> list[float]:
        """Hours after midnight in which one was begun, looked at each ten minutes."""
        found = []
        for _ in range(int(hours * 6)):
            before = self.picture.taken
            run(self.backups.round())
            if self.picture.taken != before:
                found.append((self.clock.now() - MIDNIGHT) / HOUR)
            self.clock.advance(600)
        return found


def test_one_is_made_at_its_hour_each_day() -> None:
    site = Site(hour=3)
    assert site.rounds(56) == [0, 3, 27, 51], "at once where there is none"


def test_a_failure_is_told_and_tried_again() -> None:
    site = Site(hour=3)
    site.rounds(2)
    site.repository.problem = Unavailable("no space")
    assert site.rounds(3) == [3, 4]
    last = run_status(site).last
    assert last == LastBackup(int(MIDNIGHT) + 4 * HOUR, int(MIDNIGHT), "no space")
    assert [one["outcome"] for one in site.log.named("backup")] == [
        *("made", "verified", "failed", "failed")
    ]
    site.repository.problem = None
    assert site.rounds(3) == [5]
    assert run_status(site).last.text == ""
    assert site.picture.taken == site.picture.dropped


def run_status(site: Site) -> Any:
    problem, site.repository.problem = site.repository.problem, None
    try:
        return run(site.backups.status())
    finally:
        site.repository.problem = problem


def test_the_status_knows_sizes_of_what_is_still_there() -> None:
    site = Site(keep=86_400)
    first = run(site.backups.run())
    assert (first.size, first.added) == (1000, 10)
    site.clock.advance(2 * 86_400)
    second = run(site.backups.run())
    status = run(site.backups.status())
    assert [one.id for one in status.snapshots] == [second.id]
    assert status.snapshots[0].size == 1000
    assert set(site.backups._kept()["sizes"]) == {second.id}


def test_the_newest_comes_first() -> None:
    site = Site()
    made = []
    for _ in range(3):
        made.append(run(site.backups.run()).id)
        site.clock.advance(60)
    assert [one.id for one in run(site.backups.status()).snapshots] == made[::-1]


def test_a_chosen_target_goes_before_the_configured_one() -> None:
    site = Site(target="off")
    with pytest.raises(NotFound):
        run(site.backups.run())
    assert site.rounds(24) == []
    with pytest.raises(Invalid):
        site.backups.choose(BackupTarget(address="nonsense", keep=1))
    site.backups.choose(BackupTarget(address="sftp://secret@x/y", keep=HOUR))
    status = run(site.backups.status())
    assert (status.target.address, status.target.keep) == ("sftp://secret@x/y", HOUR)
    assert status.public_key == "ssh-ed25519 AAAA"
    assert "secret" not in str(site.log.events)
    run(site.backups.run())
    site.backups.choose(BackupTarget(address="off", keep=HOUR))
    assert run(site.backups.status()).snapshots == ()


def test_one_at_a_time() -> None:
    site = Site()
    made = site.backups.run()
    picture, seen = site.picture, []

    async def take() -> str:
        with pytest.raises(InUse):
            await site.backups.run()
        seen.append((await site.backups.status()).running)
        return "picture"

    picture.take = take
    run(made)
    assert seen == [True]
    assert not run(site.backups.status()).running


@pytest.mark.parametrize("everything", [False, True])
def test_it_can_be_checked(everything: bool) -> None:
    site = Site()
    run(site.backups.verify(whole=everything))
    assert site.repository.checked == [everything]


def test_it_is_read_again_from_time_to_time() -> None:
    site = Site(hour=3, verify=2)
    site.rounds(24 * 5)
    assert site.repository.checked == [False] * 3, "at the first, and each two days after it"
    assert site.backups.verified.text == ""
    off = Site(hour=3, verify=0)
    off.rounds(24 * 5)
    assert off.repository.checked == []
