"""A disk that really fills: nothing false is said, deleting works, and mail comes in again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailhub.model.errors import StorageFull
from mailhub.model.flags import DELETED, FlagMode, Flags
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from mailhub.store.background import INTERVAL
from mailhub.store.verify import verify
from tests.contract.stores import ACTOR, ALL, House, TextBody, rendered, sqlite_house

pytestmark = pytest.mark.thorough

BODY = b"x" * 20_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Sixteen megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(house: House, account: int) -> int:
    """Delivers until the disk is full; how many were taken."""
    for count in range(2000):
        try:
            house.ask(
                house.store.messages.deliver(
                    house.token(),
                    TextBody(BODY),
                    rendered(house.token()),
                    [Copy(account)],
                    None,
                    (),
                    ACTOR,
                )
            )
        except StorageFull:
            return count
    raise AssertionError("the disk does not fill")


def test_a_full_disk_can_be_emptied_and_filled_again(small_disk: Path) -> None:
    house = sqlite_house(small_disk, segment_size=2 << 20)
    account, boxes = house.account()
    messages, inbox = house.store.messages, boxes["INBOX"]
    background = house.store._background  # type: ignore[attr-defined]
    taken = 0
    for _ in range(3):
        count = fill(house, account.number)
        assert count > 300
        taken += count
        uids = house.uids(account.number, inbox)
        assert uids[-1] == taken
        contents = house.ask(messages.contents(account.number, inbox, ALL))
        bodies = house.ask(house.blobs.read([one.blob for one in contents]))
        assert all(body == BODY for body in bodies)
        house.ask(
            messages.store_flags(account.number, inbox, ALL, FlagMode.ADD, Flags(DELETED), ACTOR)
        )
        most = UidSet(((1, uids[len(uids) * 9 // 10]),))
        gone, _ = house.ask(messages.expunge(account.number, inbox, most, ACTOR))
        assert len(gone) > 300
        for _ in range(3):
            house.clock.advance(INTERVAL)
            house.reactor.advance(INTERVAL)
            house.reactor.until(lambda: background._going is None)
    house.stop()
    assert verify(small_disk / "store").findings == ()


def test_a_disk_that_others_fill_is_full_too(small_disk: Path) -> None:
    house = sqlite_house(small_disk)
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 50, BODY)
    ballast = os.open(small_disk / "ballast", os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(ballast, bytes(4096))
    except OSError:
        os.close(ballast)
    assert fill(house, account.number) < 20
    before = house.uids(account.number, boxes["INBOX"])
    half = UidSet(((1, 25),))
    gone, _ = house.ask(
        house.store.messages.expunge(
            account.number, boxes["INBOX"], half, ACTOR, only_deleted=False
        )
    )
    assert len(gone) == 25
    (small_disk / "ballast").unlink()
    house.fill(account.number, boxes["INBOX"], 1, BODY)
    assert house.uids(account.number, boxes["INBOX"]) == [*before[25:], before[-1] + 1]
    house.stop()
    assert verify(small_disk / "store").findings == ()
