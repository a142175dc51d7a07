"""Seats while Redis is away: each process counts its own."""

from __future__ import annotations

from mailhub.coord.redis.seats import RedisSeats
from mailhub.model.errors import Unavailable
from tests.fakes import FakeClock, SeededRandomness
from tests.support import run


class Away:
    """A Redis that is there while `here` is true, and then says that everything fits."""

    def __init__(self) -> None:
        self.here = False
        self.asked: list[str] = []

    async def ask(self, *words: str | bytes | int) -> list[object]:
        if not self.here:
            raise Unavailable
        self.asked.append(str(words[3]))
        return [0, [b"another"]] if str(words[3]).endswith("nodes") else [1, 0, 0]


def test_each_counts_its_own() -> None:
    seats = RedisSeats(Away(), FakeClock(), SeededRandomness(), prefix="mailhub")
    run(seats.beat())
    assert [run(seats.take("a", 2)) for _ in range(3)] == [True, True, False]
    assert run(seats.count("a")) == 2
    seats.give("a")
    assert run(seats.take("a", 2))
    assert [seats.admit("net", 2) for _ in range(3)] == [True, True, False]
    run(seats.leave())


def test_when_it_is_back_it_is_told_what_is_open() -> None:
    redis = Away()
    seats = RedisSeats(redis, FakeClock(), SeededRandomness(), prefix="mailhub")
    for key in ("open", "over"):
        assert run(seats.take(key, 1))
    seats.give("over")
    redis.here = True
    run(seats.beat())
    told = set(redis.asked)
    assert seats._key("open") in told
    assert seats._key("over") not in told
    run(seats.beat())
    assert redis.asked.count(seats._key("open")) == 1
    seats.give("open")
    assert redis.asked.count(seats._key("open")) == 2


def test_what_others_had_is_forgotten_with_it() -> None:
    class Full(Away):
        async def ask(self, *words: str | bytes | int) -> list[object]:
            await super().ask(*words)
            return [0, [b"another"]] if str(words[3]).endswith("nodes") else [1, 9, 0]

    redis = Full()
    redis.here = True
    seats = RedisSeats(redis, FakeClock(), SeededRandomness(), prefix="mailhub")
    run(seats.beat())
    assert sum(seats.admit("net", 10) for _ in range(2)) == 2
    run(seats.beat())
    assert not seats.admit("net", 10)
    redis.here = False
    run(seats.beat())
    assert seats.admit("net", 10)
