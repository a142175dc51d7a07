"""MTA-STS policies by domain: kept, refreshed, and held against who would take them away."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.model.errors import Unavailable, Untrusted
from mailhub.model.tlsreport import TLSResult
from mailhub.policy import sts_found
from mailhub.policy.sts import STSMode
from mailhub.policy.sts_found import Found, STSPolicies
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run
from tests.web import FakeFetch, FakeShelf

URL = "https://mta-sts.example.org/.well-known/mta-sts.txt"
NAME = "_mta-sts.example.org"


def document(host: str = "mx.example.org", mode: str = "enforce", age: int = 604800) -> bytes:
    return f"version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: {age}\n".encode()


class World:
    """A domain with a policy, and what asks for it."""

    def __init__(self, shelved: Any = None) -> None:
        self.clock = FakeClock()
        self.resolver = FakeResolver({(NAME, "TXT"): ["v=STSv1; id=1;"]})
        self.fetch = FakeFetch({URL: document()})
        self.shelf = FakeShelf(shelved)
        self.policies = STSPolicies(self.resolver, self.fetch, self.clock, self.shelf)

    def announce(self, text: str) -> None:
        self.resolver.set(NAME, "TXT", [text])

    def find(self) -> Found:
        return run(self.policies.find("example.org"))

    def hosts(self) -> tuple[str, ...]:
        found = self.find()
        return found.policy.patterns if found.policy else ()

    @property
    def fetched(self) -> int:
        return len(self.fetch.asked)


def test_fetched_once_while_the_announcement_stays() -> None:
    world = World()
    for _ in range(3):
        assert world.hosts() == ("mx.example.org",)
    assert world.fetch.asked == [URL]


def test_nothing_announced_nothing_fetched() -> None:
    world = World()
    world.announce("v=spf1 -all")
    assert world.find() == Found()
    world.resolver.set(NAME, "TXT", Unavailable())
    assert world.find() == Found()
    del world.resolver.records[NAME, "TXT"]
    assert world.find() == Found()
    assert world.fetched == 0


def test_a_new_id_is_a_new_policy() -> None:
    world = World()
    world.hosts()
    world.announce("v=STSv1; id=2;")
    world.fetch.documents[URL] = document("other.example.org")
    assert world.hosts() == ("other.example.org",)
    assert world.fetched == 2


@pytest.mark.parametrize("gone", ["record", "dns", "document"])
def test_a_policy_holds_when_somebody_takes_it_away(gone: str) -> None:
    world = World()
    world.hosts()
    if gone == "record":
        del world.resolver.records[NAME, "TXT"]
    elif gone == "dns":
        world.resolver.set(NAME, "TXT", Unavailable())
    else:
        world.announce("v=STSv1; id=2;")
        del world.fetch.documents[URL]
    world.clock.advance(604800 - 1)
    assert world.hosts() == ("mx.example.org",)
    world.clock.advance(1)
    assert world.hosts() == ()


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Unavailable("404"), TLSResult.STS_FETCH_ERROR),
        (Untrusted(), TLSResult.STS_WEBPKI_INVALID),
        (b"<html>", TLSResult.STS_INVALID),
        (bytes(65537), TLSResult.STS_FETCH_ERROR),
    ],
)
def test_a_document_that_cannot_be_had(answer: Any, result: TLSResult) -> None:
    world = World()
    world.fetch.documents[URL] = answer
    for _ in range(3):
        found = world.find()
        assert found.policy is None
        assert found.failure is not None
        assert found.failure.result is result
        assert found.failure.policy.domain == "example.org"
    assert world.fetched == 1
    world.fetch.documents[URL] = document()
    world.clock.advance(sts_found.FAILED)
    assert world.hosts() == ("mx.example.org",)


def test_a_policy_in_use_is_fetched_again_before_it_runs_out() -> None:
    world = World()
    world.hosts()
    world.clock.advance(sts_found.REFRESH)
    world.fetch.documents[URL] = document("other.example.org")
    assert world.hosts() == ("other.example.org",)
    world.clock.advance(604800 - 1)
    del world.resolver.records[NAME, "TXT"]
    assert world.hosts() == ("other.example.org",)


def test_a_refresh_that_fails_costs_nothing() -> None:
    world = World()
    world.hosts()
    world.clock.advance(sts_found.REFRESH)
    del world.fetch.documents[URL]
    for _ in range(3):
        assert world.hosts() == ("mx.example.org",)
    assert world.fetched == 2


def test_policies_outlive_a_restart() -> None:
    world = World()
    world.hosts()
    after = World(world.shelf.value)
    del after.resolver.records[NAME, "TXT"]
    assert after.hosts() == ("mx.example.org",)
    assert after.find().policy.mode is STSMode.ENFORCE  # type: ignore[union-attr]
    after.clock.advance(604800)
    assert after.hosts() == ()


@pytest.mark.parametrize(
    "shelved",
    [
        [],
        "text",
        {"example.org": None},
        {"example.org": {"id": "1"}},
        {"example.org": {"id": "1", "fetched": "soon", "policy": document().decode()}},
        {"example.org": {"id": "1", "fetched": 1, "policy": "garbage"}},
        {"example.org": {"id": "1", "fetched": 1, "policy": 7}},
    ],
)
def test_a_damaged_shelf_is_an_empty_one(shelved: Any) -> None:
    assert len(World(shelved).policies) == 0


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_found, "KEPT", 2)
    monkeypatch.setattr(sts_found, "FAILURES", 2)
    world = World()
    for name in ("a.example", "b.example", "a.example", "c.example"):
        world.resolver.set(f"_mta-sts.{name}", "TXT", ["v=STSv1; id=1;"])
        world.fetch.documents[f"https://mta-sts.{name}/.well-known/mta-sts.txt"] = document()
        assert run(world.policies.find(name)).policy is not None
    assert set(world.shelf.value) == {"a.example", "c.example"}
    for name in ("d.example", "e.example", "f.example", "d.example"):
        world.resolver.set(f"_mta-sts.{name}", "TXT", ["v=STSv1; id=1;"])
        assert run(world.policies.find(name)).policy is None
    assert world.fetched == 3 + 4
