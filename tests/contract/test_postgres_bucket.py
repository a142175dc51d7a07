"""Bodies in a bucket of a real S3 server, and what becomes of objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.message import BlobRef, Copy
from mailhub.model.queue import Onward, QueueSender
from mailhub.model.settings import EncryptionSettings, Settings, StoreSettings
from mailhub.store.batch import Bytes
from mailhub.store.postgres import keyring, masterkeys
from mailhub.store.postgres.freeing import GRACE
from mailhub.store.postgres.keyring import Keyring, masters
from mailhub.store.s3.names import is_object, is_sealed
from tests.contract.bucket import Bucket, stored, where_of
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, ALL, House, TextBody, rendered
from tests.contract.test_postgres_bodies import count

pytestmark = [pytest.mark.live, pytest.mark.scale]
LARGE = os.urandom(1 << 20) * 12
"""More than two parts."""


@pytest.fixture(scope="module")
def bucket(shared_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An S3 server."""
    one = Bucket(tmp_path_factory.mktemp("s3") / "swift", shared_postgres)
    yield one
    one.close()


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """A file of master keys."""
    path = tmp_path / "keys"
    path.write_text(f"one:{keyring.written(b'1' * 32)}\n")
    return str(path)


Make = Callable[..., House]


@pytest.fixture
def make_house(bucket: Bucket, tmp_path: Path) -> Iterator[Make]:
    """Makes a store with given settings; each body is in the bucket."""
    made: list[House] = []

    def make(**settings: Any) -> House:
        made.append(bucket.house(tmp_path / str(len(made)), **settings))
        return made[-1]

    yield make
    for house in made:
        house.stop()


def deliver(house: House, data: bytes, *accounts: int, onward: Sequence[Onward] = ()) -> BlobRef:
    """A message for accounts, and maybe for the queue; where it stands."""
    copies = [Copy(account) for account in accounts]
    sender = QueueSender("a@b.example") if onward else None
    body = TextBody(data)
    house.ask(
        house.store.messages.deliver(house.token(), body, rendered(), copies, sender, onward, ACTOR)
    )
    return newest(house, accounts[0])


def newest(house: House, account: int) -> BlobRef:
    """Where the account's newest message stands."""
    boxes = house.ask(house.store.mailboxes.all(account))
    [inbox] = [box for box in boxes if box.name == "INBOX"]
    found = house.ask(house.store.messages.contents(account, inbox.number, ALL))
    return found[-1].blob


def objects(house: House) -> set[int]:
    """What is in the bucket."""
    there = stored(house).outside.objects
    assert there is not None
    return {segment for segment, _ in house.ask(there.listed("")).found}


@pytest.mark.parametrize("sealed", [pytest.param(False, marks=pytest.mark.scale), True])
def test_any_part_of_a_large_body(make_house: Make, keys: str, sealed: bool) -> None:
    house = make_house(keys=keys if sealed else "")
    account, _ = house.account()
    other, _ = house.account()
    blob = deliver(house, LARGE, account.number, other.number)
    assert newest(house, other.number) == blob
    assert is_object(blob.segment)
    assert is_sealed(blob.segment) is sealed
    assert (count(house, "blob"), count(house, "body_key")) == (0, 2 * sealed)
    assert objects(house) == {blob.segment}
    ranges = [
        (0, 100),
        (0, 1),
        (len(LARGE) - 1, len(LARGE)),
        (65535, 65537),
        (5 << 20, (5 << 20) + 70000),
        (100, 200),
        (100, 100),
    ]
    refs = [BlobRef(blob.segment, start, stop - start) for start, stop in ranges]
    assert house.ask(house.blobs.read(refs)) == [LARGE[start:stop] for start, stop in ranges]
    whole = house.ask(house.blobs.read([blob]))
    assert sha256(whole[0]).digest() == sha256(LARGE).digest()
    with pytest.raises(Corrupt):
        house.ask(house.blobs.read([BlobRef(blob.segment, len(LARGE) - 5, 10)]))


def test_small_and_large_ones_of_one_reading(make_house: Make, keys: str) -> None:
    house = make_house(s3={"inline": 1000}, keys=keys)
    account, boxes = house.account()
    datas = [bytes([65 + place]) * size for place, size in enumerate((10, 2000, 1000, 1001))]
    house.ask(
        house.store.messages.append(
            account.number,
            boxes["INBOX"],
            [(TextBody(data), rendered(), f, 0) for data in datas for f in [no_flags()]],
            ACTOR,
        )
    )
    found = house.ask(house.store.messages.contents(account.number, boxes["INBOX"], ALL))
    assert [is_object(one.blob.segment) for one in found] == [False, True, False, True]
    assert house.ask(house.blobs.read([one.blob for one in found])) == datas
    assert house.ask(house.blobs.read([found[1].blob, found[0].blob])) == [datas[1], datas[0]]


def no_flags() -> Any:
    from mailhub.model.flags import Flags

    return Flags()


def test_an_object_goes_with_its_last_row(make_house: Make) -> None:
    house = make_house()
    one, _ = house.account()
    two, _ = house.account()
    blob = deliver(house, b"x" * 100, one.number, two.number)
    expunge(house, one.number)
    sweep(house, GRACE + 1)
    assert objects(house) == {blob.segment}  # the other one's
    assert count(house, "freed") == 0
    expunge(house, two.number)
    sweep(house, GRACE - 5)
    assert objects(house) == {blob.segment}  # somebody may be reading it
    assert house.ask(house.blobs.read([blob])) == [b"x" * 100]
    sweep(house, 10)
    assert objects(house) == set()
    assert count(house, "freed") == 0
    with pytest.raises(Corrupt):
        house.ask(house.blobs.read([blob]))


def expunge(house: House, account: int) -> None:
    boxes = house.ask(house.store.mailboxes.all(account))
    [inbox] = [box for box in boxes if box.name == "INBOX"]
    messages = house.store.messages
    house.ask(messages.expunge(account, inbox.number, ALL, ACTOR, only_deleted=False))


def sweep(house: House, seconds: float) -> None:
    """Some time later, what was freed is looked at."""
    house.clock.advance(seconds)
    house.ask(stored(house).outside.sweep(house.store.runner))


def review(house: House, seconds: float = 100_000) -> int:
    """Some time later, looks through the bucket; how many orphans went."""
    house.clock.advance(seconds)
    return house.ask(stored(house).outside.review(house.store.runner))


def test_what_no_commit_referred_to_goes_when_it_is_old(make_house: Make) -> None:
    house = make_house(s3={"orphans": 3600})
    account, _ = house.account()
    blob = deliver(house, b"kept", account.number)
    runner, outside = house.store.runner, stored(house).outside
    for _ in range(2):  # killed before the commit
        house.ask(outside.put([Bytes(memoryview(b"left behind"))], runner))
    assert len(objects(house)) == 3
    assert review(house) == 0  # a commit may be on its way
    grown_old = make_house(s3={"orphans": -10}, beside=house)
    assert review(grown_old, 200_000) == 2
    assert objects(house) == {blob.segment}
    assert review(grown_old, 0) == 0  # somebody did
    assert house.ask(house.blobs.read([blob])) == [b"kept"]


def refused(house: House) -> bool:
    """Whether it may not look through the bucket; its own round may be at it just now."""
    try:
        return review(house) < 0
    except Unavailable:
        return True


def test_a_bucket_of_another_database_is_left_alone(make_house: Make) -> None:
    house = make_house()
    account, _ = house.account()
    blob = deliver(house, b"mine", account.number)
    stranger = make_house(s3={"prefix": stored(house).outside.prefix, "orphans": -10})
    other, _ = stranger.account()
    with pytest.raises(Unavailable):
        deliver(stranger, b"mine too", other.number)
    assert any(refused(stranger) for _ in range(50))
    assert objects(house) == {blob.segment}


def test_refused_deliveries_leave_nothing(make_house: Make) -> None:
    house = make_house(quota=50)
    account, boxes = house.account()
    with pytest.raises(Exception, match=r"quota|full"):
        deliver(house, b"x" * 100, account.number)
    assert house.uids(account.number, boxes["INBOX"]) == []
    assert len(objects(house)) == count(house, "freed") == 1
    sweep(house, GRACE + 1)
    assert objects(house) == set()


def test_queued_mail_is_read_from_the_bucket(make_house: Make, keys: str) -> None:
    house = make_house(keys=keys)
    account, _ = house.account()
    onward = [Onward("c@d.example")]
    blob = deliver(house, b"x" * 5000, account.number, onward=onward)
    entries, _ = house.ask(house.store.queue.page())
    house.store.queue.fresh.messages([entry.number for entry in entries])
    [entry] = entries
    loaded = house.ask(house.store.queue.load([entry.number], each=10_000, together=10_000))
    assert list(loaded.data.values()) == [b"x" * 5000]
    # Two keys: the account's, and the server's for the queue.
    assert count(house, "body_key") == 2
    house.ask(house.store.accounts.remove(account.number, ACTOR))
    assert house.ask(house.blobs.read([blob])) == [b"x" * 5000]


def test_mail_of_an_account_that_went_is_not_readable(make_house: Make, keys: str) -> None:
    house = make_house(keys=keys, s3={"inline": 100})
    account, _ = house.account()
    other, _ = house.account()
    small = deliver(house, b"small", account.number)
    large = deliver(house, b"large" * 100, account.number)
    both = deliver(house, b"both" * 100, account.number, other.number)
    house.ask(house.store.accounts.remove(account.number, ACTOR))
    reader = make_house(keys=keys, beside=house)  # it remembers no keys
    for blob in (small, large):
        with pytest.raises(Corrupt):
            reader.ask(reader.blobs.read([blob]))
    assert reader.ask(reader.blobs.read([both])) == [b"both" * 100]
    expunge(house, other.number)
    house.reactor.until(lambda: count(house, "freed") == 3)
    sweep(house, GRACE + 1000)  # the reader may have noted them, and its clock began later
    assert count(house, "body_key") == 0


@pytest.mark.scale
def test_the_master_key_is_changed(make_house: Make, keys: str) -> None:
    house = make_house(keys=keys)
    account, _ = house.account()
    blob = deliver(house, b"x" * 100, account.number)
    path = Path(keys)
    path.write_text(f"two:{keyring.written(b'2' * 32)}\n{path.read_text()}")
    ring = Keyring(masters(keys))
    assert house.ask(house.store.runner.read(keyring.in_use)) == {"one": 1}
    while house.ask(house.store.runner.write(ring.turn)):
        continue
    assert house.ask(house.store.runner.read(keyring.in_use)) == {"two": 1}
    path.write_text(path.read_text().splitlines()[0])
    after = make_house(keys=keys, beside=house)
    assert after.ask(after.blobs.read([blob])) == [b"x" * 100]
    path.write_text(f"two:{keyring.written(b'3' * 32)}\n")
    with pytest.raises(Unavailable, match="two is another key"):
        make_house(keys=keys, beside=house)
    path.write_text(f"three:{keyring.written(b'3' * 32)}\n")
    with pytest.raises(Unavailable, match="two is not in"):
        make_house(keys=keys, beside=house)
    none = make_house(beside=house)
    with pytest.raises(Unavailable, match=r"no \[encryption\]"):
        none.ask(none.blobs.read([blob]))


@pytest.mark.scale
def test_a_wrong_key_is_unavailable(make_house: Make) -> None:
    house = make_house(s3={"secret_key": "wrong"})
    account, boxes = house.account()
    with pytest.raises(Unavailable):
        deliver(house, b"x", account.number)
    assert house.uids(account.number, boxes["INBOX"]) == []


@pytest.mark.scale
def test_a_clock_that_goes_wrong(make_house: Make) -> None:
    house = make_house()
    account, _ = house.account()
    house.clock.step(86400)
    blob = deliver(house, b"x" * 100, account.number)
    house.clock.step(-7 * 86400)
    assert house.ask(house.blobs.read([blob])) == [b"x" * 100]


def test_commands_tell_and_change_the_master_key(make_house: Make, keys: str) -> None:
    house = make_house(keys=keys)
    accounts = [house.account()[0].number for _ in range(3)]
    blob = deliver(house, b"x" * 100, *accounts)
    settings = Settings(
        store=StoreSettings(database=where_of(house)), encryption=EncryptionSettings(file=keys)
    )
    assert masterkeys.in_use(settings) == {"one": 3}
    path = Path(keys)
    path.write_text(f"{masterkeys.fresh('two')}\n{path.read_text()}")
    assert masterkeys.in_use(settings) == {"two": 0, "one": 3}
    assert list(masterkeys.rotate(settings)) == [0, 0]
    assert masterkeys.in_use(settings) == {"two": 3, "one": 0}
    after = make_house(keys=keys, beside=house)
    assert after.ask(after.blobs.read([blob])) == [b"x" * 100]
    path.write_text("no key\n")
    with pytest.raises(Unavailable):
        list(masterkeys.rotate(settings))


@pytest.mark.scale
def test_objects_stay_as_long_as_is_set(make_house: Make) -> None:
    house = make_house(s3={"grace": 10 * GRACE, "inline": 50})
    account, _ = house.account()
    deliver(house, b"x" * 100, account.number)
    deliver(house, b"x" * 10, account.number)
    expunge(house, account.number)
    sweep(house, GRACE + 1)
    assert (count(house, "blob"), len(objects(house))) == (0, 1)
    sweep(house, 9 * GRACE - 10)
    assert len(objects(house)) == 1
    sweep(house, 20)
    assert (objects(house), count(house, "freed")) == (set(), 0)
