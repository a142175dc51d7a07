from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from mailhub.core.signing import NEXT, Keys, record, record_name
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import (
    AlreadyExists,
    Conflict,
    InUse,
    Invalid,
    LimitReached,
    NotFound,
    Unavailable,
)
from mailhub.model.settings import DkimSettings
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.signed import Workshop, pair
from tests.support import run
from tests.world import ACTOR, DOMAIN, World, world

HOUR, DAY = 3600, 86400


@dataclass(slots=True)
class Desk:
    world: World
    resolver: FakeResolver
    keys: Keys

    @property
    def clock(self) -> FakeClock:
        return self.world.clock

    def publish(self, keys: Sequence[DkimKey]) -> None:
        for key in keys:
            self.resolver.set(record_name(key), "TXT", [record(key)])

    def states(self, domain: str = DOMAIN) -> dict[str, str]:
        return {key.selector: key.state.value for key in run(self.keys.all(domain))}

    def signing(self) -> list[str]:
        return [one.selector for one in run(self.keys.signers(DOMAIN))]


@pytest.fixture
def desk() -> Desk:
    made = world(people=())
    resolver = FakeResolver()
    keys = Keys(made.store, resolver, Workshop(), made.clock, made.log, DkimSettings())
    return Desk(made, resolver, keys)


def test_a_rotation_from_the_first_keys_to_the_last_day_of_the_old_ones(desk: Desk) -> None:
    first = run(desk.keys.found(DOMAIN, ACTOR))
    assert desk.states() == {"m202701a": "pending", "m202701ae": "pending"}
    assert run(desk.keys.found(DOMAIN, ACTOR)) == run(desk.keys.all(DOMAIN)), "made once"
    run(desk.keys.review())
    assert desk.signing() == []
    desk.publish(first)
    run(desk.keys.review())
    assert desk.signing() == ["m202701a", "m202701ae"], "first keys have nothing to wait for"

    desk.clock.advance(DAY)
    second = run(desk.keys.rotate(DOMAIN, ACTOR))
    assert [key.selector for key in second] == ["m202701b", "m202701be"]
    with pytest.raises(Conflict):
        run(desk.keys.rotate(DOMAIN, ACTOR))
    desk.publish(second)
    run(desk.keys.review())
    assert desk.signing() == ["m202701a", "m202701ae"], "too young to take another's place"
    desk.clock.advance(HOUR)
    run(desk.keys.review())
    assert desk.signing() == ["m202701b", "m202701be"]
    assert desk.states()["m202701a"] == "retiring"
    desk.clock.advance(7 * DAY - 1)
    run(desk.keys.review())
    assert desk.states()["m202701a"] == "retiring"
    desk.clock.advance(1)
    run(desk.keys.review())
    assert desk.states() == {
        "m202701a": "retired",
        "m202701ae": "retired",
        "m202701b": "active",
        "m202701be": "active",
    }


@pytest.mark.parametrize(
    "records",
    [
        [],
        ["v=DKIM1; k=rsa; p="],
        ["v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"],
        ["v=spf1 -all"],
        [NotFound()],
        [Unavailable()],
    ],
    ids=["empty", "revoked", "another", "other text", "nothing", "no answer"],
)
def test_a_key_that_the_dns_does_not_show_signs_nothing(
    desk: Desk, records: list[str | Exception]
) -> None:
    for key in run(desk.keys.found(DOMAIN, ACTOR)):
        known = records[0] if records and isinstance(records[0], Exception) else records
        desk.resolver.set(record_name(key), "TXT", known)
    run(desk.keys.review())
    assert desk.signing() == []


def test_one_key_of_a_pair_is_used_alone_and_spaces_in_the_record_mean_nothing(desk: Desk) -> None:
    rsa, _ = run(desk.keys.found(DOMAIN, ACTOR))
    spaced = f"v=DKIM1;  k=rsa; t=s;p= {rsa.public[:60]} \t{rsa.public[60:]} ;"
    desk.resolver.set(record_name(rsa), "TXT", ["other", spaced])
    run(desk.keys.review())
    assert desk.signing() == ["m202701a"]


def test_activate_does_not_ask_the_dns_and_can_take_a_rotation_back(desk: Desk) -> None:
    run(desk.keys.found(DOMAIN, ACTOR))
    run(desk.keys.activate(DOMAIN, ACTOR))
    assert desk.signing() == ["m202701a", "m202701ae"]
    with pytest.raises(NotFound):
        run(desk.keys.activate(DOMAIN, ACTOR))
    run(desk.keys.rotate(DOMAIN, ACTOR))
    run(desk.keys.activate(DOMAIN, ACTOR))
    assert desk.signing() == ["m202701b", "m202701be"]
    run(desk.keys.activate(DOMAIN, ACTOR, selectors=["m202701a"]))
    assert desk.signing() == ["m202701a", "m202701be"]
    with pytest.raises(NotFound):
        run(desk.keys.activate(DOMAIN, ACTOR, selectors=["m202701a", "nothing"]))
    desk.clock.advance(8 * DAY)
    run(desk.keys.review())
    with pytest.raises(Conflict):
        run(desk.keys.activate(DOMAIN, ACTOR, selectors=["m202701b"]))


def test_signing_switched_off_and_on(desk: Desk) -> None:
    with pytest.raises(NotFound):
        run(desk.keys.disable(DOMAIN, ACTOR))
    run(desk.keys.enable(DOMAIN, ACTOR))
    assert desk.signing() == ["m202701a", "m202701ae"]
    run(desk.keys.disable(DOMAIN, ACTOR))
    assert desk.signing() == []
    assert set(desk.states().values()) == {"paused"}
    desk.publish(run(desk.keys.rotate(DOMAIN, ACTOR)))
    desk.clock.advance(HOUR)
    run(desk.keys.review())
    assert desk.signing() == [], "who switched it off switches it on"
    run(desk.keys.enable(DOMAIN, ACTOR))
    assert desk.signing() == ["m202701a", "m202701ae"]
    run(desk.keys.review())
    assert desk.signing() == ["m202701b", "m202701be"]
    assert desk.states()["m202701a"] == "retiring"


def test_a_key_from_elsewhere(desk: Desk) -> None:
    own = pair("elsewhere.example")[0]
    made = run(desk.keys.add("Example.ORG", "Mail", own.private, ACTOR))
    assert (made.domain, made.selector, made.algorithm, made.public) == (
        DOMAIN,
        "mail",
        "rsa",
        own.public,
    )
    run(desk.keys.activate(DOMAIN, ACTOR))
    assert desk.signing() == ["mail"]
    with pytest.raises(AlreadyExists):
        run(desk.keys.add(DOMAIN, "mail", own.private, ACTOR))
    with pytest.raises(InUse):
        run(desk.keys.remove(DOMAIN, "mail", ACTOR))
    run(desk.keys.disable(DOMAIN, ACTOR))
    run(desk.keys.remove(DOMAIN, "mail", ACTOR))
    assert desk.states() == {}
    with pytest.raises(NotFound):
        run(desk.keys.remove(DOMAIN, "mail", ACTOR))


@pytest.mark.parametrize("selector", ["a b", "a;p=x", "a\r\nb", "-a", "a..b", "ä", "x" * 64, "a\0"])
def test_a_selector_is_a_name(desk: Desk, selector: str) -> None:
    with pytest.raises(Invalid) as raised:
        run(desk.keys.rotate(DOMAIN, ACTOR, selector=selector))
    assert raised.value.field == "selector"


def test_only_domains_of_ours_have_keys(desk: Desk) -> None:
    for domain in ("other.example", "a b", ""):
        with pytest.raises(NotFound):
            run(desk.keys.found(domain, ACTOR))


def test_selectors_of_a_month_come_to_an_end(desk: Desk) -> None:
    for _ in range(26):
        run(desk.keys.rotate(DOMAIN, ACTOR))
        run(desk.keys.activate(DOMAIN, ACTOR))
    with pytest.raises(LimitReached):
        run(desk.keys.rotate(DOMAIN, ACTOR))


def test_the_table_of_states_allows_what_it_says_and_nothing_else(desk: Desk) -> None:
    for state in KeyState:
        for after in KeyState:
            key = replace(pair()[0], selector=f"{state.value}-{after.value}", state=state)
            run(desk.world.store.dkim_keys.add([key], ACTOR))
            if after in NEXT[state]:
                run(desk.keys._move(DOMAIN, [key], after, ACTOR))
            else:
                with pytest.raises(Conflict):
                    run(desk.keys._move(DOMAIN, [key], after, ACTOR))


def test_a_domain_gets_keys_when_it_comes_and_loses_them_when_it_goes(desk: Desk) -> None:
    domains = type(desk.world.domains)(desk.world.store, desk.clock, desk.world.ids, keys=desk.keys)
    run(domains.add("new.example", ACTOR))
    assert set(desk.states("new.example").values()) == {"pending"}
    run(domains.remove("new.example", ACTOR))
    assert not [key for key in run(desk.keys.all()) if key.domain == "new.example"]


def test_another_process_may_change_keys(desk: Desk) -> None:
    run(desk.keys.enable(DOMAIN, ACTOR))
    assert desk.signing()
    run(desk.world.store.dkim_keys.move(DOMAIN, ["m202701ae"], KeyState.PAUSED, ACTOR))
    assert desk.signing() == ["m202701a"]
