"""What is counted for reports: by day, written in batches, within bounds, and back again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import reportkeys, tallying
from mailhub.core.tallying import Tallies
from mailhub.model.dmarcreport import (
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.errors import Unavailable
from mailhub.model.report import ReportRow
from mailhub.model.settings import ReportSettings
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSReport, TLSResult
from mailhub.store.memory import MemoryStore
from tests.fakes import FakeClock, ListLog
from tests.support import run

NOW = 20_000 * 86_400 + 86_000
PUBLISHED = Published("a.example", "reject", reports=("mailto:d@a.example",))
SEEN = DMARCSeen(PUBLISHED, "192.0.2.1", "a.example", "", Disposition.REJECT, False, False)
STS = TLSPolicy("b.example", TLSPolicyKind.STS, ("version: STSv1",), ("mx.b.example",))


class Desk:
    """Tallies over a store in memory, which may be away."""

    def __init__(self, **given: object) -> None:
        self.clock, self.log = FakeClock(NOW), ListLog()
        self.store = MemoryStore(clock=self.clock)
        self.settings = replace(ReportSettings(sender="r@here.example"), **given)  # type: ignore[arg-type]
        self.tallies = Tallies(self.store, self.clock, self.log, self.settings)

    def rows(self, kind: str, day: int = 20_000) -> list[ReportRow]:
        return list(run(self.store.reports.of_day(kind, day)))


def test_counts_are_folded_by_day_and_written() -> None:
    desk = Desk()
    for _ in range(3):
        desk.tallies.dmarc(SEEN)
    desk.tallies.dmarc(replace(SEEN, address="192.0.2.2"))
    desk.clock.advance(1000)
    desk.tallies.dmarc(SEEN)
    assert desk.rows("dmarc") == []
    assert desk.tallies.waiting == 3
    run(desk.tallies.write())
    first, second = desk.rows("dmarc")
    assert (first.domain, first.count, second.count) == ("a.example", 3, 1)
    assert [row.count for row in desk.rows("dmarc", 20_001)] == [1]
    assert reportkeys.dmarc("a.example", first.key) == replace(
        SEEN, published=replace(PUBLISHED, reports=())
    )
    desk.tallies.dmarc(SEEN)
    run(desk.tallies.write())
    run(desk.tallies.write())
    assert [row.count for row in desk.rows("dmarc", 20_001)] == [2]


def test_successes_with_one_policy_are_alike_and_failures_are_not() -> None:
    desk = Desk()
    good = TLSReport(STS, TLSResult.SUCCESS, "mx.b.example", "192.0.2.5")
    bad = TLSReport(STS, TLSResult.EXPIRED, "mx.b.example", "192.0.2.5", reason="over")
    desk.tallies.tls([good, replace(good, address="192.0.2.6"), bad, replace(bad, mx="x.example")])
    run(desk.tallies.write())
    rows = desk.rows("tlsrpt")
    assert sorted(row.count for row in rows) == [1, 1, 2]
    read = [reportkeys.tls("b.example", row.key) for row in rows]
    assert bad in read
    assert TLSReport(STS, TLSResult.SUCCESS) in read
    assert [event["outcome"] for event in desk.log.named("tls-policy")] == [
        "certificate-expired",
        "certificate-expired",
    ]


@pytest.mark.parametrize("given", [{"sender": ""}, {"dmarc": False, "tls": False}])
def test_nothing_is_counted_where_nobody_is_told(given: dict[str, object]) -> None:
    desk = Desk(**given)
    desk.tallies.dmarc(SEEN)
    desk.tallies.tls([TLSReport(STS, TLSResult.SUCCESS)])
    assert desk.tallies.waiting == 0


def test_who_asks_for_no_reports_is_not_counted() -> None:
    desk = Desk()
    desk.tallies.dmarc(replace(SEEN, published=replace(PUBLISHED, reports=())))
    desk.tallies.dmarc(replace(SEEN, address="unix"))
    assert desk.tallies.waiting == 0


def test_a_flood_is_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "ENTRIES", 10)
    desk = Desk()
    stop = desk.tallies._writing = True  # a write that takes long
    for number in range(50):
        desk.tallies.dmarc(replace(SEEN, address=f"192.0.2.{number}"))
    desk.tallies.dmarc(replace(SEEN, address="192.0.2.3"))
    assert (stop, desk.tallies.waiting) == (True, 10)
    desk.tallies._writing = False
    run(desk.tallies.write())
    assert sum(row.count for row in desk.rows("dmarc")) == 11
    assert desk.log.named("report-counts") == [{"level": "warn", "outcome": "lost", "count": 40}]


def test_half_full_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "ENTRIES", 10)
    desk = Desk()
    for number in range(12):
        desk.tallies.dmarc(replace(SEEN, address=f"192.0.2.{number}"))
    assert len(desk.rows("dmarc")) == 10
    assert desk.tallies.waiting == 2


def test_what_the_store_cannot_take_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "BATCH", 1)
    desk = Desk()
    add, calls = desk.store.reports.add, []

    async def breaking(rows: list[ReportRow], *, most: int = 0) -> None:
        calls.append(rows)
        if len(calls) == 2:
            raise Unavailable("busy")
        await add(rows, most=most)

    monkeypatch.setattr(desk.store.reports, "add", breaking)
    for number in range(3):
        desk.tallies.dmarc(replace(SEEN, address=f"192.0.2.{number}"))
    run(desk.tallies.write())
    assert len(desk.rows("dmarc")) == 1
    desk.clock.advance(86_400)
    run(desk.tallies.write())
    assert [row.count for row in desk.rows("dmarc")] == [1, 1, 1]


def test_days_have_the_bound_of_the_settings() -> None:
    desk = Desk(rows=20)
    for number in range(5):
        desk.tallies.dmarc(replace(SEEN, address=f"192.0.2.{number}"))
    run(desk.tallies.write())
    assert len(desk.rows("dmarc")) == 2


TEXT = st.text(max_size=300)
SHORT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=9)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.builds(
        DMARCSeen,
        st.builds(
            Published,
            st.just("a.example"),
            *[st.sampled_from(["", "none", "quarantine", "reject"])] * 3,
            st.booleans(),
            st.booleans(),
            st.booleans(),
            st.integers(0, 100),
        ),
        SHORT,
        SHORT,
        SHORT,
        st.sampled_from(Disposition),
        st.booleans(),
        st.booleans(),
        st.lists(st.builds(DKIMFound, SHORT, SHORT, SHORT), max_size=3).map(tuple),
        st.none() | st.builds(SPFFound, SHORT, SHORT, SHORT),
        st.lists(st.builds(Override, SHORT, SHORT), max_size=2).map(tuple),
    ),
    st.builds(
        TLSReport,
        st.builds(
            TLSPolicy,
            st.just("a.example"),
            st.sampled_from(TLSPolicyKind),
            st.lists(SHORT, max_size=3).map(tuple),
            st.lists(SHORT, max_size=3).map(tuple),
        ),
        st.sampled_from([one for one in TLSResult if one is not TLSResult.SUCCESS]),
        *[SHORT] * 4,
    ),
)
def test_keys_are_read_back(seen: DMARCSeen, report: TLSReport) -> None:
    assert reportkeys.dmarc("a.example", reportkeys.of_dmarc(seen)) == seen
    assert reportkeys.tls("a.example", reportkeys.of_tls(report)) == report


@settings(max_examples=50, derandomize=True, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_what_strangers_write_can_be_stored(author: str, selector: str, reason: str) -> None:
    desk = Desk()
    signed = (DKIMFound(author, selector, "pass"),)
    desk.tallies.dmarc(replace(SEEN, author=author, sender=selector, signatures=signed))
    desk.tallies.tls([TLSReport(STS, TLSResult.EXPIRED, author, reason=reason)])
    run(desk.tallies.write())
    assert len(desk.rows("dmarc")) == len(desk.rows("tlsrpt")) == 1
