"""Sync functions on answers that come later."""

from __future__ import annotations

import pytest

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import LimitReached, Unavailable
from mailhub.policy.lookups import Lookup, with_answers
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run

ZONE = {
    ("example.org", "TXT"): ["v=spf1 a mx -all"],
    ("example.org", "A"): ["192.0.2.1"],
    ("example.org", "MX"): [(10, "mx.example.org")],
    ("mx.example.org", "A"): ["192.0.2.2"],
    ("broken.example", "TXT"): Unavailable("SERVFAIL"),
}


def hosts(lookup: Lookup) -> list[str]:
    """The addresses of a domain's MX: the second question hangs on the first answer."""
    found = []
    mx = lookup("Example.org.", "mx")
    assert mx is not None
    for _, host in mx.records:
        answer = lookup(host, "A")
        assert answer is not None
        found += answer.records
    return found


def test_one_run_a_miss() -> None:
    resolver = FakeResolver(ZONE)
    calls = []

    def counted(lookup: Lookup) -> list[str]:
        calls.append(1)
        return hosts(lookup)

    assert run(with_answers(resolver, counted)) == ["192.0.2.2"]
    assert resolver.asked == [("example.org", "MX"), ("mx.example.org", "A")]
    assert len(calls) == 3


def test_ahead_saves_runs_and_asks_nothing_twice() -> None:
    resolver = FakeResolver(ZONE)
    ahead = [("mx.example.org", "A"), ("example.org", "MX")]
    assert run(with_answers(resolver, hosts, ahead=ahead)) == ["192.0.2.2"]
    assert sorted(resolver.asked) == [("example.org", "MX"), ("mx.example.org", "A")]


def test_a_name_that_does_not_exist_is_none_and_one_without_records_is_empty() -> None:
    def both(lookup: Lookup) -> tuple[DNSAnswer | None, DNSAnswer | None]:
        return lookup("nowhere.example", "TXT"), lookup("example.org", "AAAA")

    missing, empty = run(with_answers(FakeResolver(ZONE), both))
    assert missing is None
    assert empty is not None
    assert empty.records == ()


def test_a_library_that_catches_exceptions_does_not_hide_a_miss() -> None:
    def careless(lookup: Lookup) -> str:
        try:
            answer = lookup("example.org", "TXT")
        except Exception:
            return "temperror"
        return "pass" if answer else "none"

    assert run(with_answers(FakeResolver(ZONE), careless)) == "pass"


def test_a_library_that_catches_everything_does_not_either() -> None:
    def worse(lookup: Lookup) -> str:
        try:
            return "pass" if lookup("example.org", "TXT") else "none"
        except BaseException:
            return "temperror"

    def worst(lookup: Lookup) -> str:
        try:
            return "pass" if lookup("example.org", "TXT") else "none"
        except BaseException:
            raise ValueError("wrapped") from None

    assert run(with_answers(FakeResolver(ZONE), worse)) == "pass"
    assert run(with_answers(FakeResolver(ZONE), worst)) == "pass"


def test_a_temporary_error_reaches_the_function() -> None:
    def mapped(lookup: Lookup) -> str:
        try:
            lookup("broken.example", "TXT")
        except Unavailable as error:
            return f"temperror {error.text}"
        return "pass"

    assert run(with_answers(FakeResolver(ZONE), mapped)) == "temperror SERVFAIL"


def test_a_temporary_error_that_is_let_out_is_raised() -> None:
    with pytest.raises(Unavailable):
        run(with_answers(FakeResolver(ZONE), lambda lookup: lookup("broken.example", "TXT")))


def test_an_error_of_the_function_is_raised() -> None:
    def fails(lookup: Lookup) -> None:
        lookup("example.org", "A")
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run(with_answers(FakeResolver(ZONE), fails))


def test_lookups_are_bounded() -> None:
    resolver = FakeResolver()

    def endless(lookup: Lookup) -> None:
        for number in range(1000):
            lookup(f"{number}.example", "A")

    with pytest.raises(LimitReached):
        run(with_answers(resolver, endless, limit=10))
    assert len(resolver.asked) == 10


def test_the_time_for_all_lookups_is_bounded() -> None:
    clock = FakeClock()

    class Slow(FakeResolver):
        async def query(self, name: str, kind: str) -> DNSAnswer:
            clock.advance(6)
            return await super().query(name, kind)

    def chain(lookup: Lookup) -> int:
        for number in range(100):
            try:
                lookup(f"{number}.example", "A")
            except Unavailable:
                return number
        return -1

    resolver = Slow()
    assert run(with_answers(resolver, chain, clock=clock)) == 4
    assert len(resolver.asked) == 4
    assert clock.pauses == 4
