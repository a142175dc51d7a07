"""Bodies on their way into the bucket: how many, for how long, and in which order they are back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from mailhub.model.errors import StorageFull, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings_s3 import S3Settings
from mailhub.store import sealing
from mailhub.store.batch import Bytes
from mailhub.store.postgres.bodies import Uploaded
from mailhub.store.postgres.keyring import Keyring, SealedKey
from mailhub.store.postgres.outside import Outside
from mailhub.store.s3 import names

SETTINGS = S3Settings(inline=10, patience=5)


@dataclass
class Store:
    """A bucket whose uploads end when the test says so, and the rows beside it."""

    ends: list[Deferred[None]] = field(default_factory=list)
    kept: dict[int, bytes] = field(default_factory=dict)
    keys: dict[int, SealedKey] = field(default_factory=dict)
    asked: list[list[int]] = field(default_factory=list)
    blocks: int = 0
    claimed = True

    # -- objects

    async def put(self, segment: int, octets: Any) -> None:
        end: Deferred[None] = Deferred()
        self.ends.append(end)
        await end
        self.kept[segment] = bytes(octets.piece(0, octets.size)[0])

    async def read(self, refs: Sequence[BlobRef]) -> list[bytes]:
        return [self.kept[one.segment][one.offset : one.offset + one.length] for one in refs]

    def thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        return succeed(work())

    # -- rows

    async def write(self, work: Callable[..., Any], *args: object) -> Any:
        self.blocks += 1
        return 1 + (self.blocks - 1) * names.BLOCK

    def query(self, work: Callable[..., Any], segments: list[int]) -> Deferred[Any]:
        self.asked.append(segments)
        return succeed({segment: self.keys[segment] for segment in segments})


@dataclass
class Bench:
    store: Store
    clock: Clock
    outside: Outside

    def put(self, *bodies: bytes) -> tuple[Deferred[Any], list[Any]]:
        """An upload, and what came of it."""
        came: list[Any] = []
        views = [Bytes(memoryview(body)) for body in bodies]
        work = Deferred.fromCoroutine(self.outside.put(views, self.store))
        work.addBoth(came.append)
        return work, came

    def end(self) -> None:
        """All uploads are there."""
        ends, self.store.ends = self.store.ends, []
        for end in ends:
            end.callback(None)


def make(ring: Keyring | None = None, pending: int = 1000) -> Bench:
    store, clock = Store(), Clock()
    random = bytes(range(7))
    outside = Outside(
        SETTINGS,
        pending,
        store,
        ring,
        store,
        clock,
        lambda size: random[:size],  # type: ignore[arg-type]
    )
    return Bench(store, clock, outside)


def test_larger_ones_go_and_the_order_stays() -> None:
    bench = make()
    assert not bench.outside.concerns([Bytes(memoryview(b"0123456789"))])
    _, came = bench.put(b"small", b"larger than ten", b"ten octets", b"larger than eleven")
    assert came == []
    bench.end()
    [bodies] = came
    assert [bytes(body.view) for body in bodies] == [
        b"small",
        b"larger than ten",
        b"ten octets",
        b"larger than eleven",
    ]
    assert [isinstance(body, Uploaded) for body in bodies] == [False, True, False, True]
    assert {bench.store.kept[body.segment] for body in bodies[1::2]} == {
        b"larger than ten",
        b"larger than eleven",
    }


def test_numbers_come_in_blocks_and_never_again() -> None:
    bench = make()
    seen = set()
    for _ in range(names.BLOCK + 3):
        _, came = bench.put(b"larger than ten")
        bench.end()
        seen.add(came[0][0].segment)
    assert len(seen) == names.BLOCK + 3
    assert bench.store.blocks == 2


def test_an_upload_that_takes_too_long_is_given_up() -> None:
    bench = make()
    _, came = bench.put(b"larger than ten")
    bench.clock.advance(4)
    assert came == []
    bench.clock.advance(2)
    assert came[0].check(Unavailable)
    assert bench.outside.concerns([Bytes(memoryview(bytes(11)))])
    _, again = bench.put(b"larger than ten")
    bench.end()  # what was given up may end as well
    assert isinstance(again[0][0], Uploaded)


def test_what_is_under_way_is_bounded() -> None:
    bench = make(pending=1000)
    _, first = bench.put(bytes(5000))  # one is taken, whatever its size
    _, second = bench.put(bytes(11))
    assert second[0].check(Unavailable)
    bench.end()
    assert isinstance(first[0][0], Uploaded)
    _, third = bench.put(bytes(600))
    _, fourth = bench.put(bytes(500))
    assert fourth[0].check(Unavailable)
    bench.end()
    assert isinstance(third[0][0], Uploaded)


def test_one_that_fails_ends_the_others() -> None:
    bench = make()
    _, came = bench.put(b"larger than ten", b"larger than eleven")
    first, second = bench.store.ends
    first.errback(StorageFull())
    assert came[0].check(StorageFull)
    assert second.called  # cancelled
    assert bench.store.kept == {}


def test_keys_are_asked_for_once() -> None:
    ring = Keyring({"one": sealing.fresh_key()})
    bench = make(ring)
    _, came = bench.put(b"larger than ten")
    bench.end()
    [[body]] = came
    assert body.sealed is not None
    assert names.is_sealed(body.segment)
    assert b"larger" not in bench.store.kept[body.segment]
    bench.store.keys[body.segment] = body.sealed
    for start, stop in ((0, 15), (3, 5), (15, 15)):
        refs = [BlobRef(body.segment, start, stop - start)]
        found: list[Any] = []
        maybeDeferred(bench.outside.read, refs).addBoth(found.append)
        assert found == [[b"larger than ten"[start:stop]]]
    assert bench.store.asked == [[body.segment]]


@pytest.mark.parametrize("sealed", [False, True])
def test_without_settings_objects_are_not_damaged_but_away(sealed: bool) -> None:
    segment = names.number(1, 1, sealed=sealed)
    store = Store(kept={segment: b"x"})
    gone: Any = None if not sealed else store
    outside = Outside(SETTINGS, 1000, gone, None, store, Clock(), bytes)  # type: ignore[arg-type]
    found: list[Any] = []
    maybeDeferred(outside.read, [BlobRef(segment, 0, 1)]).addBoth(found.append)
    assert found[0].check(Unavailable)
