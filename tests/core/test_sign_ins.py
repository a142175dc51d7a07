"""Browsers that are signed in: how many, how long, and the list of them."""

from __future__ import annotations

import pytest

from mailhub.core.rights import Caller, Standing
from mailhub.core.sign_ins import MOST, PAUSE
from mailhub.model.errors import AuthenticationFailed, NotFound, StorageFull
from mailhub.model.settings import TokenSettings
from tests.support import run
from tests.world import ACTOR, World, world

JOE, ANN = "joe@example.org", "ann@example.org"
LIFE, LONGEST = TokenSettings().browser_life, TokenSettings().browser_longest


@pytest.fixture
def here() -> World:
    return world(people=(JOE, ANN))


def come(here: World, agent: str = "Firefox", who: str = JOE) -> tuple[str, Caller]:
    account = run(here.accounts.get(here.people[who].number))
    return run(here.sign_ins.open(account, "192.0.2.1", agent))


def agents(here: World, who: str = JOE) -> list[str]:
    return [one.agent for one in run(here.sign_ins.of_account(here.people[who].number))]


def test_the_one_seen_last_stands_first(here: World) -> None:
    _, first = come(here, "one")
    here.clock.advance(10)
    come(here, "two")
    come(here, "hers", ANN)
    assert agents(here) == ["two", "one"]
    here.clock.advance(PAUSE)
    assert run(here.sign_ins.saw(Caller("192.0.2.9", first.account, session=first.session)))
    assert agents(here) == ["one", "two"]
    seen = run(here.sign_ins.of_account(here.people[JOE].number))[0]
    assert seen.address == "192.0.2.9"
    assert seen.seen - seen.made == 10 + PAUSE


def test_it_is_written_down_now_and_then_only(here: World) -> None:
    _, caller = come(here)
    assert run(here.sign_ins.saw(caller)) == LIFE
    assert run(here.sign_ins.saw(caller)) == 0
    here.clock.advance(PAUSE - 1)
    assert run(here.sign_ins.saw(caller)) == 0
    here.clock.advance(1)
    assert run(here.sign_ins.saw(caller)) == LIFE - PAUSE


def test_a_full_disk_keeps_nobody_out(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, caller = come(here)

    async def full(*words: object) -> None:
        raise StorageFull

    monkeypatch.setattr(here.store.sign_ins, "saw", full)
    assert run(here.sign_ins.saw(caller)) == LIFE


def test_there_are_not_more_than_somebody_has(here: World) -> None:
    token, _ = come(here, "oldest")
    for number in range(MOST):
        here.clock.advance(1)
        come(here, f"{number}")
    assert len(agents(here)) == MOST
    assert "oldest" not in agents(here)
    with pytest.raises(AuthenticationFailed):
        run(here.tokens.caller(token, ""))


def test_only_those_are_listed_that_still_open_something(here: World) -> None:
    come(here, "old")
    run(here.accounts.set_password(here.people[JOE].number, "another one", ACTOR))
    assert agents(here) == []
    come(here, "new")
    assert agents(here) == ["new"]
    here.clock.advance(LIFE + 1)
    assert agents(here) == []


def test_one_that_waits_for_a_second_factor_is_listed(here: World) -> None:
    here.second_factor(JOE)
    _, caller = come(here)
    assert caller.standing is Standing.FACTOR
    assert agents(here) == ["Firefox"]


def test_one_ends_and_the_others_stay(here: World) -> None:
    token, caller = come(here, "one")
    come(here, "two")
    joe = here.people[JOE].number
    two, one = sorted(run(here.sign_ins.of_account(joe)), key=lambda it: it.agent, reverse=True)
    with pytest.raises(NotFound):
        run(here.sign_ins.end(here.people[ANN].number, two.id))
    run(here.sign_ins.end(joe, two.id))
    with pytest.raises(NotFound):
        run(here.sign_ins.end(joe, two.id))
    assert run(here.tokens.caller(token, "")).session == caller.session == one.key
    run(here.sign_ins.close(caller))
    assert agents(here) == []
    with pytest.raises(AuthenticationFailed):
        run(here.tokens.caller(token, ""))


def test_it_ends_at_the_latest_time(here: World) -> None:
    token, _ = come(here)
    ends = here.clock.now() + LONGEST
    while here.clock.now() + LIFE // 2 < ends:
        here.clock.advance(LIFE // 2)
        run(here.tokens.caller(token, ""))
    here.clock.advance(ends - here.clock.now())
    with pytest.raises(AuthenticationFailed):
        run(here.tokens.caller(token, ""))
    assert agents(here) == []
