"""Bodies of a bucket on their way into backups, from a real S3 server: what the list of one moment
names is there until it is fetched, and comes as it is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.queue import Onward
from mailhub.store import picture, sealing
from mailhub.store.carrying import lists
from mailhub.store.carrying.lists import Body
from mailhub.store.postgres import copying, keyring
from mailhub.store.postgres.carrier import HOLD, BucketBodies
from mailhub.store.postgres.freeing import GRACE
from tests.contract.bucket import Bucket, stored, where_of
from tests.contract.postgres import Postgres
from tests.contract.stores import House
from tests.contract.test_postgres_bucket import deliver, expunge, objects, sweep

pytestmark = [pytest.mark.live, pytest.mark.scale]


@pytest.fixture(scope="module")
def bucket(shared_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An S3 server."""
    one = Bucket(tmp_path_factory.mktemp("s3") / "swift", shared_postgres)
    yield one
    one.close()


class Site:
    """A store and the folder of its backups."""

    def __init__(self, house: House, folder: Path, room: int = 1 << 30) -> None:
        self.house = house
        self.folder = folder
        self.picture = folder / "picture"
        self.make(room)

    def make(self, room: int) -> None:
        """Another process."""
        made = stored(self.house).backup_bodies(self.folder, room)
        assert made is not None
        self.bodies: BucketBodies = made

    def list(self) -> list[Body]:
        """Takes a picture."""
        store = self.picture / picture.STORE
        picture.clear(self.picture)
        store.mkdir(parents=True)
        copying.copy(where_of(self.house), store / picture.DUMP)
        return list(lists.read(store / copying.LIST))

    def ask(self, name: str, *args: Any) -> Any:
        return self.house.ask(getattr(self.bodies, name)(*args))

    def settle(self) -> None:
        self.ask("settle", str(self.picture))

    def files(self) -> dict[str, bytes]:
        """Names and octets of what is there whole, and names of husks."""
        found = [path for path in (self.folder / "bodies").rglob("*") if path.is_file()]
        return {one.name: one.read_bytes() if one.stat().st_blocks else b"" for one in found}


@pytest.fixture
def site(bucket: Bucket, tmp_path: Path) -> Iterator[Site]:
    house = bucket.house(tmp_path / "house")
    made = Site(house, tmp_path / "backup")
    made.folder.mkdir()
    made.ask("follow", "", ())
    yield made
    house.stop()


def body_of(blob: BlobRef) -> Body:
    return Body(blob.segment, blob.length)


def test_what_is_listed_is_fetched_whatever_happens_meanwhile(site: Site) -> None:
    house = site.house
    account, _ = house.account()
    other, _ = house.account()
    datas = {os.urandom(size): size for size in (1, 5000, 3 << 20)}
    blobs = {body_of(deliver(house, data, account.number, other.number)): data for data in datas}
    site.ask("hold")
    assert site.list() == sorted(blobs, key=lambda one: one.segment), "one for both accounts"
    expunge(house, account.number)
    expunge(house, other.number)
    later = deliver(house, b"not in this one", account.number)
    sweep(house, HOLD - GRACE)
    assert objects(house) == {one.segment for one in blobs} | {later.segment}, "they are held"
    assert site.ask("listed", str(site.picture)).startswith("bodies-")
    site.settle()
    assert site.ask("fetch") is False
    assert site.files() == {one.name: data for one, data in blobs.items()}
    assert site.bodies.lost == 0
    site.ask("let_go")
    sweep(house, GRACE)
    assert objects(house) == {later.segment}


def test_a_hold_ends_by_itself(site: Site) -> None:
    account, _ = site.house.account()
    deliver(site.house, b"x" * 100, account.number)
    site.ask("hold")
    expunge(site.house, account.number)
    sweep(site.house, HOLD - 10)
    assert len(objects(site.house)) == 1
    sweep(site.house, 20)
    assert objects(site.house) == set()


def test_each_is_fetched_once_and_goes_when_it_is_not_listed(site: Site) -> None:
    house = site.house
    account, _ = house.account()
    other, _ = house.account()
    first = body_of(deliver(house, b"first" * 1000, account.number))
    queued = body_of(deliver(house, b"queued" * 999, other.number, onward=[Onward("c@d.example")]))
    datas = {first: b"first" * 1000, queued: b"queued" * 999}
    before, after = site.list()
    assert {before, after} == datas.keys()
    site.make(1)
    site.settle()
    assert site.ask("fetch") is True, "as much as there is room for"
    assert site.files() == {before.name: datas[before]}
    site.ask("kept", "part")
    assert site.ask("fetch") is True
    assert site.files() == {before.name: b"", after.name: datas[after]}
    site.ask("kept", "copy")
    assert site.ask("fetch") is False
    assert site.bodies.beside.copy == "copy"
    expunge(house, account.number)
    expunge(house, other.number)
    third = body_of(deliver(house, b"third" * 1000, account.number))
    assert {*site.list()} == {queued, third}, "what waits in the queue is listed, too"
    site.make(1 << 30)
    site.settle()
    assert site.ask("fetch") is False
    assert site.files() == {queued.name: b"", third.name: b"third" * 1000}


def test_sealed_ones_come_sealed(bucket: Bucket, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"one:{keyring.written(b'1' * 32)}\n")
    house = bucket.house(tmp_path / "house", keys=str(keys))
    try:
        site = Site(house, tmp_path / "backup")
        site.folder.mkdir()
        site.ask("follow", "", ())
        account, _ = house.account()
        blob = deliver(house, b"secret" * 20_000, account.number)
        assert site.list() == [Body(blob.segment, sealing.sealed_size(blob.length))]
        site.settle()
        site.ask("fetch")
        [octets] = site.files().values()
        assert len(octets) == sealing.sealed_size(blob.length)
        assert b"secret" not in octets
    finally:
        house.stop()


def test_what_the_bucket_has_lost_is_counted(site: Site) -> None:
    house = site.house
    account, _ = house.account()
    lost = deliver(house, b"lost" * 100, account.number)
    kept = body_of(deliver(house, b"kept" * 100, account.number))
    there = stored(house).outside.objects
    assert there is not None
    house.ask(there.delete([lost.segment]))
    site.list()
    site.settle()
    assert site.ask("fetch") is False
    assert (site.bodies.lost, list(site.files())) == (1, [kept.name])


def test_a_bucket_that_cannot_be_read_is_told(bucket: Bucket, tmp_path: Path, site: Site) -> None:
    account, _ = site.house.account()
    deliver(site.house, b"x" * 100, account.number)
    prefix = stored(site.house).outside.prefix
    s3 = {"prefix": prefix, "secret_key": "wrong"}
    wrong = bucket.house(tmp_path / "wrong", beside=site.house, s3=s3)
    try:
        other = Site(wrong, tmp_path / "other")
        other.folder.mkdir()
        other.ask("follow", "", ())
        other.list()
        other.settle()
        with pytest.raises(Unavailable, match="bucket"):
            other.ask("fetch")
        assert other.files() == {}
    finally:
        wrong.stop()
