"""SPF: every case of the openspf suites, through our own asynchronous path.

`openspf/` has the suites as pyspf carries them, with their licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable
from mailhub.policy.spf import RECORD, RESULTS, check
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run

SUITES = Path(__file__).parent / "openspf"


class SuiteResolver:
    """The suite's zones: a name may answer for some types and time out for all others."""

    def __init__(self, zones: dict[str, list[Any]]) -> None:
        self.silent: set[str] = set()
        self.plain = FakeResolver()
        for name, entries in zones.items():
            self._zone(name, entries)

    def _zone(self, name: str, entries: list[Any]) -> None:
        records: dict[str, list[Any]] = {}
        own_txt = any(isinstance(one, dict) and "TXT" in one for one in entries)
        for entry in entries:
            if entry == "TIMEOUT":
                self.silent.add(name.lower())
                continue
            ((kind, value),) = entry.items()
            if kind == "SPF":
                if own_txt:
                    continue
                kind = "TXT"  # the suite's rule: TXT as SPF, unless TXT is given
            if value == "NONE":
                records.setdefault(kind, [])
            elif value == "TIMEOUT":
                self.plain.set(name, kind, Unavailable("timeout"))
            else:
                records.setdefault(kind, []).append(_record(kind, value))
        for kind, values in records.items():
            self.plain.set(name, kind, values)

    async def query(self, name: str, kind: str) -> DNSAnswer:
        answer = None
        try:
            answer = await self.plain.query(name, kind)
        except NotFound:
            if name.lower() not in self.silent:
                raise
        target = answer.canonical if answer is not None and answer.canonical else name
        if (answer is None or not answer.records) and target.lower() in self.silent:
            raise Unavailable("timeout")
        assert answer is not None
        return answer


def _record(kind: str, value: Any) -> Any:
    if kind == "MX":
        return (value[0], value[1])
    if kind == "TXT":
        parts = [value] if isinstance(value, str) else value
        return b"".join(part.encode() for part in parts)
    return value


def cases() -> Iterator[Any]:
    for path in sorted(SUITES.glob("*.yml")):
        for scenario in yaml.load_all(path.read_bytes(), yaml.CSafeLoader):
            for name, test in scenario["tests"].items():
                yield pytest.param(scenario["zonedata"], test, id=f"{path.stem}-{name}")


CASES = list(cases())


def test_the_suites_are_whole() -> None:
    assert len(CASES) == 203 + 191


@pytest.mark.parametrize(("zones", "test"), CASES)
def test_openspf(zones: dict[str, list[Any]], test: dict[str, Any]) -> None:
    resolver = SuiteResolver(zones)
    found = run(check(resolver, test["host"], test["mailfrom"] or "", test["helo"]))
    wanted = test["result"]
    assert found.result in ([wanted] if isinstance(wanted, str) else wanted), found
    explanation = test.get("explanation")
    if explanation is not None and explanation != "DEFAULT":
        assert found.explanation == explanation


def checked(record: str, address: str = "192.0.2.9", sender: str = "a@example.com") -> str:
    zone = {("example.com", "TXT"): [record], ("ok.example.com", "A"): ["192.0.2.9"]}
    return run(check(FakeResolver(zone), address, sender, "h.example")).result


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 a:ok.example.com -all", "pass"),
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf2 -all", "none"),
        ("v=spf1 " + "a:ok.example.com " * 10, "pass"),
        ("v=spf1 " + "ip4:198.51.100.1 " * 300 + "-all", "permerror"),
        ("v=spf1 exists:" + "%{i}." * 110 + "example.com -all", "permerror"),
        ("v=spf1 a:1.example.com a:2.example.com a:3.example.com -all", "permerror"),
    ],
)
def test_results_and_limits(record: str, result: str) -> None:
    assert checked(record) == result


def test_ten_lookups_and_no_more() -> None:
    zone: dict[tuple[str, str], Any] = {("h0.example", "TXT"): ["v=spf1 include:h1.example -all"]}
    for number in range(1, 30):
        zone[f"h{number}.example", "TXT"] = [f"v=spf1 include:h{number + 1}.example -all"]
    resolver = FakeResolver(zone)
    assert run(check(resolver, "192.0.2.9", "a@h0.example", "h")).result == "permerror"
    assert len(resolver.asked) == 11


def test_the_null_sender_is_its_servers_name() -> None:
    zone = {("mx.example.com", "TXT"): ["v=spf1 ip4:192.0.2.9 -all"]}
    found = run(check(FakeResolver(zone), "192.0.2.9", "", "mx.example.com"))
    assert (found.identity, found.domain, found.result) == ("helo", "mx.example.com", "pass")
    assert run(check(FakeResolver(zone), "192.0.2.9", "", "[192.0.2.9]")).result == "none"


def test_ipv6_and_mapped_addresses() -> None:
    assert checked("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::5") == "pass"
    assert checked("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.9") == "pass"
    assert checked("v=spf1 -all", "no address") == "permerror"


def test_a_dead_dns_is_temporary_and_the_time_is_bounded() -> None:
    zone = {("example.com", "TXT"): Unavailable("SERVFAIL")}
    assert run(check(FakeResolver(zone), "192.0.2.9", "a@example.com", "h")).result == "temperror"
    clock = FakeClock()

    class Slow(FakeResolver):
        async def query(self, name: str, kind: str) -> DNSAnswer:
            clock.advance(8)
            return await super().query(name, kind)

    terms = " ".join(f"a:h{number}.example.com" for number in range(8))
    slow = Slow(
        {("example.com", "TXT"): [f"v=spf1 {terms} -all"], ("ok.example.com", "A"): ["1.2.3.4"]}
    )
    for number in range(8):
        slow.set(f"h{number}.example.com", "A", ["198.51.100.1"])
    found = run(check(slow, "192.0.2.9", "a@example.com", "h", clock=clock, seconds=10))
    assert found.result == "temperror"
    assert len(slow.asked) == 2


TERMS = st.sampled_from(
    (
        *("a", "mx", "ptr", "ip4:", "ip6:", "exists:", "include:", "redirect=", "exp=", "all"),
        *("%{", "}", "%{l}", "%{ir}", "%{s9r+-}", "%{h}", "/", "//", "-", "~", "example.com"),
        *(".", ":", " ", "=", "\x00"),
    )
)


@settings(max_examples=50)
@given(
    st.one_of(st.lists(TERMS, max_size=30).map("".join), st.text(max_size=100)),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_any_record_has_a_result(record: str, local: str, helo: str) -> None:
    zone = {("example.com", "TXT"): [b"v=spf1 " + record.encode("utf-8", "replace")]}
    found = run(check(FakeResolver(zone), "192.0.2.9", f"{local}@example.com", helo))
    assert found.result in RESULTS
    assert run(check(FakeResolver(zone), "192.0.2.9", "", helo)).result in RESULTS


@settings(max_examples=50)
@given(st.binary(max_size=RECORD))
def test_any_bytes_have_a_result(record: bytes) -> None:
    zone = {("example.com", "TXT"): [b"v=spf1 " + record]}
    assert run(check(FakeResolver(zone), "192.0.2.9", "a@example.com", "h")).result in RESULTS
