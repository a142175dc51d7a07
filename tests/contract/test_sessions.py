"""API sessions of every store, and of a real Redis."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailhub.coord.redis.sessions import EndedSessions, RedisSessions
from mailhub.model.errors import Unavailable
from mailhub.model.session import KeptSession
from mailhub.ports import Clock, Sessions
from tests.contract.redis import BACKENDS, shared
from tests.contract.stores import MAKERS, memory_house

KEY, OTHER = "a" * 64, "b" * 64
HOUR = 3600


class Now(Clock):
    """The time of this machine, which Redis goes by too."""

    def now(self) -> float:
        return time.time()


class Kept:
    """One backend: `ask` runs what it answers."""

    def __init__(self, sessions: Sessions, ask: Callable[[Awaitable[Any]], Any]) -> None:
        self.sessions = sessions
        self.ask = ask

    def get(self, key: str = KEY) -> KeptSession | None:
        """One that lives."""
        found: KeptSession | None = self.ask(self.sessions.get(key))
        return found if found is not None and found.record else None

    def put(self, record: str, seconds: int = HOUR, key: str = KEY) -> int:
        expires = int(time.time()) + seconds
        self.ask(self.sessions.put(key, record, expires))
        return expires


def over_redis(shared: Any, folder: Path) -> Kept:
    own = memory_house(folder)
    redis = shared.sessions(Now())
    return Kept(EndedSessions(redis, own.store.sessions, Now(), HOUR), shared.ask)


@pytest.fixture(params=[*MAKERS, *BACKENDS])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param not in MAKERS:
        yield over_redis(shared(request, request.param), tmp_path)
        return
    house = MAKERS[request.param](tmp_path)
    house.clock.step(time.time() - house.clock.now())
    yield Kept(house.store.sessions, house.ask)
    house.stop()


def test_what_is_put_is_found_with_its_time(kept: Kept) -> None:
    record = '{"a": "ü"}' + "x" * 2000
    expires = kept.put(record)
    found = kept.get()
    assert found is not None
    assert found.record == record
    assert abs(found.expires - expires) <= 1
    assert kept.get(OTHER) is None


def test_a_session_is_put_in_place_of_another(kept: Kept) -> None:
    kept.put("one")
    kept.put("two", 2 * HOUR)
    kept.put("other", key=OTHER)
    found = kept.get()
    assert found is not None
    assert found.record == "two"
    assert found.expires > time.time() + HOUR


def test_time_is_added_and_taken(kept: Kept) -> None:
    kept.put("one")
    for seconds in (5 * HOUR, 60):
        expires = int(time.time()) + seconds
        kept.ask(kept.sessions.extend(KEY, expires))
        found = kept.get()
        assert found is not None
        assert found.record == "one"
        assert abs(found.expires - expires) <= 1
    kept.ask(kept.sessions.extend(OTHER, expires))
    assert kept.get(OTHER) is None


def test_what_was_dropped_is_gone_and_can_be_dropped_again(kept: Kept) -> None:
    kept.put("one")
    kept.put("other", key=OTHER)
    for _ in range(2):
        kept.ask(kept.sessions.drop(KEY))
        assert kept.get() is None
    assert kept.get(OTHER) is not None


def test_what_was_dropped_does_not_come_back(kept: Kept) -> None:
    kept.put("one")
    kept.ask(kept.sessions.drop(KEY))
    kept.put("two")
    kept.ask(kept.sessions.extend(KEY, int(time.time()) + HOUR))
    assert kept.get() is None


def test_what_is_over_is_gone_or_says_so(kept: Kept) -> None:
    kept.put("one", -5)
    found = kept.get()
    assert found is None or found.expires <= time.time() + 1


# -- Redis alone


@pytest.mark.live
def test_what_was_ended_does_not_come_back_with_an_old_redis(
    shared_redis: Any, tmp_path: Path
) -> None:
    kept = over_redis(shared_redis, tmp_path)
    kept.put("one")
    kept.ask(kept.sessions.drop(KEY))
    assert isinstance(kept.sessions, EndedSessions)
    kept.ask(kept.sessions._shared.put(KEY, "one", int(time.time()) + HOUR))
    assert kept.get() is None


@pytest.mark.live
def test_a_session_ends_also_while_redis_is_away(shared_redis: Any, tmp_path: Path) -> None:
    class Away:
        async def ask(self, *words: object) -> object:
            raise Unavailable

    kept = over_redis(shared_redis, tmp_path)
    sessions = kept.sessions
    assert isinstance(sessions, EndedSessions)
    kept.put("one")
    there, sessions._shared = sessions._shared, RedisSessions(Away(), Now(), prefix="mailhub")
    kept.ask(sessions.drop(KEY))
    with pytest.raises(Unavailable):
        kept.get()
    sessions._shared = there
    assert kept.get() is None
