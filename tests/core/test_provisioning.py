"""Asking for certificates: for whom, together with whom, and what comes after a failure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailhub.core.provisioning import NO_DOOR, OFF
from mailhub.core.renewing import OFTEN, UNSAID, latest, renewal
from mailhub.core.unissued import HOUR, LIMITED, pause
from mailhub.model.acme import IssueFault, NotIssued, Provision, Result
from mailhub.model.certificate import DAY, Certificate, Problem
from mailhub.model.errors import InUse, NotFound, Unavailable
from mailhub.model.settings_acme import ACMESettings
from mailhub.model.zone import CustomRecord
from tests.authority import Authority
from tests.certified import ADDRESS, Certified, certify
from tests.fakes import FakeClock
from tests.support import run
from tests.world import ACTOR, HOSTNAME, World, world

ON = ACMESettings(agree=True)
NAMES = ("example.net", "www.example.net", "mta-sts.example.net", "autoconfig.example.net")


class Desk:
    """A server with two domains, all of whose names lead here."""

    def __init__(self, settings: ACMESettings = ON, **given: object) -> None:
        self.world: World = world(clock=FakeClock(now=Authority.now))
        run(self.world.domains.add("example.net", ACTOR))
        self.certified: Certified = certify(self.world, settings, **given)
        self.authority = self.certified.authority
        for one in run(self.certified.hosted.all()):
            self.world.resolver.set(one.name, "A", [ADDRESS])

    def ask(self, *names: str, **given: bool) -> Sequence[Provision]:
        return run(self.certified.provisioning.provision(ACTOR, names, **given))

    def results(self, *names: str, **given: bool) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.result.value, one.names) for one in self.ask(*names, **given)]


def refused(
    fault: IssueFault = IssueFault.PROOF, *names: str, retry_after: float = 0.0
) -> NotIssued:
    return NotIssued(fault, "no", [(name, "nothing there") for name in names], retry_after)


def test_every_zone_gets_one_certificate() -> None:
    desk = Desk()
    done = desk.ask()
    assert [one.result for one in done] == [Result.INSTALLED] * 2
    assert {one.names[0] for one in done} == {"autoconfig.example.net", "autoconfig.example.org"}
    assert set(NAMES) <= set(desk.authority.orders[0])
    assert HOSTNAME in desk.authority.orders[1]
    certificates = desk.certified.certificates
    for one in run(desk.certified.hosted.all()):
        assert certificates.valid_for(one.name), one.name
    assert certificates.of(HOSTNAME).key == certificates.fingerprint()  # type: ignore[union-attr]
    assert desk.ask() == []
    kept = desk.certified.files.keys
    assert set(kept.values()) == {b""}


def test_a_challenge_is_answered_while_it_is_looked_at() -> None:
    desk = Desk()
    certificates = desk.certified.certificates
    seen: list[str] = []

    def visible(one: object) -> bool:
        token = one.token  # type: ignore[attr-defined]
        seen.append(token)
        return run(certificates.answer(token)) == one.content  # type: ignore[attr-defined]

    desk.authority.visible = visible
    assert desk.results("example.net") == [("installed", ("example.net",))]
    assert seen == ["token-example.net"]
    assert run(certificates.answer(seen[0])) is None


def test_names_are_asked_for_in_hundreds() -> None:
    desk = Desk(ACMESettings(agree=True, names=tuple(f"n{i}.example.net" for i in range(150))))
    desk.ask()
    assert [len(one) for one in desk.authority.orders if "example.org" not in one[0]] == [100, 55]


def test_what_leads_elsewhere_is_skipped_with_its_reason() -> None:
    desk = Desk()
    resolver = desk.world.resolver
    resolver.set("www.example.net", "A", ["203.0.113.9"])
    resolver.set("mta-sts.example.net", "AAAA", ["2001:db8::9"])
    del resolver.records["autoconfig.example.net", "A"]
    resolver.set("autodiscover.example.net", "A", Unavailable("SERVFAIL"))
    custom = CustomRecord("example.net", "A", "203.0.113.9")
    run(desk.world.store.zones.add(custom, 9, ACTOR))
    skipped = {one.names[0]: one.log[0] for one in desk.ask() if one.result is Result.SKIPPED}
    where = "The domain name does not resolve to this machine: "
    assert skipped == {
        "www.example.net": f"{where}203.0.113.9 (A), [Not Set] (AAAA).",
        "mta-sts.example.net": f"{where}{ADDRESS} (A), 2001:db8::9 (AAAA).",
        "autoconfig.example.net": f"{where}[Not Set] (A), [Not Set] (AAAA).",
        "autodiscover.example.net": "The DNS could not be asked for it: SERVFAIL.",
    }
    told = {one.name: one for one in run(desk.certified.provisioning.statuses())}
    assert told["example.net"].standing.value == "not-applicable"
    assert "another server" in told["example.net"].obstacle
    assert told["example.org"].obstacle == ""


def test_what_cannot_be_proven_does_not_keep_others_from_theirs() -> None:
    desk = Desk()
    desk.authority.failures = [refused(IssueFault.PROOF, "www.example.net")]
    done = desk.ask("example.net", "www.example.net")
    assert [(one.result.value, one.names) for one in done] == [
        ("error", ("www.example.net",)),
        ("installed", ("example.net",)),
    ]
    assert done[0].log[0] == "www.example.net: nothing there"
    assert "port 80" in done[0].log[1]
    told = {one.name: one.failure for one in run(desk.certified.provisioning.statuses())}
    assert told["www.example.net"] == "nothing there"
    # The sweep leaves it alone for an hour; who asks by hand does not.
    count = len(desk.authority.orders)
    run(desk.certified.provisioning.review())
    assert all("www.example.net" not in names for names in desk.authority.orders[count:])
    desk.world.clock.advance(HOUR + 1)
    run(desk.certified.provisioning.review())
    assert desk.authority.orders[-1] == ("www.example.net",)
    told = {one.name: one.failure for one in run(desk.certified.provisioning.statuses())}
    assert told["www.example.net"] == ""


@pytest.mark.parametrize(
    ("failures", "error", "seconds"),
    [
        (1, refused(), HOUR),
        (3, refused(), 4 * HOUR),
        (99, refused(), DAY),
        (1, refused(IssueFault.LIMIT), LIMITED),
        (9, refused(IssueFault.LIMIT, retry_after=77.0), 77),
        (1, refused(IssueFault.AWAY, retry_after=9.0), 9),
    ],
)
def test_pauses(failures: int, error: NotIssued, seconds: float) -> None:
    assert pause(failures, error) == seconds


@pytest.mark.parametrize("fault", list(IssueFault))
def test_every_failure_says_what_to_do(fault: IssueFault) -> None:
    desk = Desk()
    desk.authority.failures = [refused(fault)]
    (done,) = desk.ask("example.net")
    assert done.result is Result.ERROR
    assert done.log[0] == "no"
    assert len(done.log[1]) > 20


def test_renewal_comes_before_the_end_and_not_at_once_for_all() -> None:
    def made(id: str, problem: Problem | None = None) -> Certificate:
        return Certificate(id, ("a.example",), 0, 90 * DAY, "x", False, "k", problem)

    early, late = renewal(made("f" * 64), 1), renewal(made("0" * 64), 1)
    assert late == 60 * DAY
    assert early == 57 * DAY
    assert renewal(made("0" * 64, Problem.INCOMPLETE), 1) == 1
    assert renewal(made("0" * 64), 91 * DAY) == 91 * DAY


def test_an_authority_may_want_it_sooner_or_later() -> None:
    desk = Desk()
    desk.ask()
    clock, provisioning = desk.world.clock, desk.certified.provisioning
    shown = desk.certified.certificates.of(HOSTNAME)
    assert shown is not None
    orders = len(desk.authority.orders)

    def review(wish: tuple[float, float] | Exception) -> tuple[int, int]:
        """How often it was asked when, and for a certificate."""
        desk.authority.wish = wish
        before = len(desk.authority.asked)
        run(provisioning.review())
        return len(desk.authority.asked) - before, len(desk.authority.orders) - orders

    now = clock.now()
    certificates = len({desk.certified.certificates.of(name) for name in (HOSTNAME, *NAMES)})
    assert review((shown.ends - DAY, now + 2 * DAY)) == (certificates, 0)
    clock.advance(2 * DAY - 1)
    assert review((0.0, 0.0)) == (0, 0)
    clock.advance(1)
    assert review(refused(IssueFault.AWAY)) == (certificates, 0)
    clock.advance(UNSAID)
    assert review((clock.now() + 2 * OFTEN, 0.0)) == (certificates, 0)
    clock.advance(OFTEN)
    assert review((clock.now() + OFTEN, 0.0)) == (certificates, 0)
    clock.advance(OFTEN)
    assert review((clock.now(), 0.0))[1] == certificates
    assert latest(shown) == shown.ends - (shown.ends - shown.begins) / 6


def test_a_certificate_is_renewed_with_the_same_key() -> None:
    desk = Desk()
    desk.ask()
    certificates = desk.certified.certificates
    before = certificates.of(HOSTNAME)
    desk.authority.days = (62, 152)
    desk.world.clock.advance(62 * DAY)
    run(desk.certified.provisioning.review())
    after = certificates.of(HOSTNAME)
    assert before is not None
    assert after is not None
    assert after.ends > before.ends
    assert after.key == before.key == certificates.fingerprint()


class Running(FakeClock):
    """Goes on while it is looked at, as clocks do."""

    def now(self) -> float:
        self.advance(0.001)
        return super().now()


def test_what_is_due_at_once_is_due() -> None:
    desk = Desk()
    running = Running(now=Authority.now)
    desk.certified.certificates._clock = running
    desk.certified.provisioning._clock = running
    assert desk.certified.provisioning.is_due(HOSTNAME)


def test_only_one_asks_at_a_time() -> None:
    desk = Desk()
    run(desk.world.counters.hit("certificates", 100.0))
    with pytest.raises(InUse):
        desk.ask()
    run(desk.certified.provisioning.review())
    assert desk.authority.orders == []
    run(desk.world.counters.clear("certificates"))
    desk.authority.failures = [RuntimeError("broken")]
    with pytest.raises(RuntimeError):
        desk.ask()
    assert desk.results("example.net") == [("installed", ("example.net",))]


def test_it_is_off_until_somebody_agrees() -> None:
    desk = Desk(ACMESettings())
    with pytest.raises(Unavailable, match=r"acme\.agree"):
        desk.ask()
    run(desk.certified.provisioning.review())
    assert desk.authority.orders == []
    assert {one.obstacle for one in run(desk.certified.provisioning.statuses())} == {OFF}


def test_nobody_is_asked_to_look_where_nothing_can_be_seen() -> None:
    asleep = Desk(ready=lambda: False)
    with pytest.raises(Unavailable, match="start it first"):
        asleep.ask()
    desk = Desk(has_door=False)
    done = desk.ask("example.net")
    assert [(one.result, one.log) for one in done] == [(Result.SKIPPED, (NO_DOOR,))]
    assert desk.authority.orders == asleep.authority.orders == []


def test_strangers_names_are_not_asked_for() -> None:
    with pytest.raises(NotFound):
        Desk().ask("example.com")


class Zones:
    """`ports.ChallengeRecords`."""

    def __init__(self) -> None:
        self.published: list[Sequence[tuple[str, str]]] = []

    async def serves(self, name: str) -> bool:
        return name == "example.net"

    async def publish(self, records: Sequence[tuple[str, str]]) -> None:
        self.published.append(records)


def test_wildcards_are_proven_in_the_dns() -> None:
    zones = Zones()
    desk = Desk(ACMESettings(agree=True, names=("*.example.net",)), records=zones)
    done = {one.names: one.result for one in desk.ask("*.example.net", "*.example.org")}
    assert done == {("*.example.net",): Result.INSTALLED, ("*.example.org",): Result.SKIPPED}
    name = "_acme-challenge.example.net"
    assert zones.published == [[(name, "proof-*.example.net")], ()]
    assert desk.certified.certificates.valid_for("any.example.net")
    assert Desk(ACMESettings(agree=True, names=("*.example.net",))).results("*.example.net") == [
        ("skipped", ("*.example.net",))
    ]


def test_what_was_revoked_is_gone() -> None:
    desk = Desk()
    desk.ask("example.net")
    certificates, provisioning = desk.certified.certificates, desk.certified.provisioning
    found = certificates.of("example.net")
    assert found is not None
    run(provisioning.revoke(found.id, ACTOR))
    assert len(desk.authority.revoked) == 1
    assert certificates.of("example.net") is None
    with pytest.raises(NotFound):
        run(provisioning.revoke(found.id, ACTOR))
    assert provisioning.is_due("example.net")
