"""What others reported about our domains, added up for people: by report, by source, by failure.

Only reads what `core.reportreading` kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from mailhub.core.reportkeys import DAY, DMARC_SOURCES, DMARC_TOLD, TLS_FAILURES, TLS_TOLD
from mailhub.core.turns import Turns
from mailhub.model.report import ReportRow
from mailhub.ports import Clock, Storage

WORDS = {DMARC_TOLD: "dmarc", TLS_TOLD: "tls"}
TOP = 20
"""Sources, and kinds of failures, that are shown."""


@dataclass(frozen=True, slots=True)
class Told:
    """One report. `kind`: dmarc or tls. `day`: days since the epoch. `passed`, `failed`: messages,
    or TLS sessions."""

    kind: str
    day: int
    domain: str
    reporter: str
    id: str
    passed: int
    failed: int


@dataclass(slots=True)
class Source:
    """Who sent mail in a domain's name, as all reporters together saw it."""

    address: str
    passed: int = 0
    failed: int = 0
    dkim: int = 0
    spf: int = 0
    rejected: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Failures:
    """TLS sessions that failed alike. `policy`, `result`: as RFC 8460 calls them."""

    policy: str
    result: str
    mx: str
    count: int


@dataclass(slots=True)
class Summary:
    """A domain over some days. `reporters`: messages and sessions that each told of. `sources`:
    the busiest ones, those that failed most first; of `more` others there is only the sum."""

    domain: str
    reports: int = 0
    passed: int = 0
    failed: int = 0
    tls_passed: int = 0
    tls_failed: int = 0
    reporters: list[tuple[str, int]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    more: int = 0
    failures: list[Failures] = field(default_factory=list)


class Summaries:
    """Adds up, of the last so many days."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def reports(self, days: int, domain: str = "") -> Sequence[Told]:
        """Each report, the newest day first."""
        found: dict[tuple[str, int, str, str, str], list[int]] = {}
        for kind, word in WORDS.items():
            async for row in self._rows(kind, days, domain):
                by, id, result = json.loads(row.key)
                counts = found.setdefault((word, row.day, row.domain, by, id), [0, 0])
                counts[result == "fail"] += row.count
        told = [Told(*key, *counts) for key, counts in found.items()]
        return sorted(told, key=lambda one: (-one.day, one.domain, one.kind, one.reporter, one.id))

    async def of(self, domain: str, days: int) -> Summary:
        """Everything about one domain."""
        summary = Summary(domain)
        reporters: Counter[str] = Counter()
        for one in await self.reports(days, domain):
            summary.reports += 1
            reporters[one.reporter] += one.passed + one.failed
            if one.kind == "dmarc":
                summary.passed += one.passed
                summary.failed += one.failed
            else:
                summary.tls_passed += one.passed
                summary.tls_failed += one.failed
        summary.reporters = reporters.most_common(TOP)
        sources = await self._sources(domain, days)
        summary.sources = sources[:TOP]
        summary.more = len(sources) - len(summary.sources)
        summary.failures = await self._failures(domain, days)
        return summary

    async def _sources(self, domain: str, days: int) -> list[Source]:
        found: dict[str, Source] = {}
        async for row in self._rows(DMARC_SOURCES, days, domain):
            _, where, disposition, dkim, spf = json.loads(row.key)
            source = found.setdefault(where, Source(where))
            if dkim or spf:
                source.passed += row.count
            else:
                source.failed += row.count
            source.dkim += row.count * dkim
            source.spf += row.count * spf
            source.rejected += row.count * (disposition == "reject")
            source.quarantined += row.count * (disposition == "quarantine")
        return sorted(found.values(), key=lambda one: (-one.failed, -one.passed, one.address))

    async def _failures(self, domain: str, days: int) -> list[Failures]:
        counts: Counter[tuple[str, str, str]] = Counter()
        async for row in self._rows(TLS_FAILURES, days, domain):
            _, policy, result, mx = json.loads(row.key)
            counts[policy, result, mx] += row.count
        return [Failures(*key, count) for key, count in counts.most_common(TOP)]

    async def _rows(self, kind: str, days: int, domain: str) -> AsyncIterator[ReportRow]:
        first = int(self._clock.now()) // DAY - days
        turns = Turns(self._clock)
        for day in await self._storage.reports.days(kind):
            if day < first:
                continue
            for row in await self._storage.reports.of_day(kind, day, domain):
                yield row
                await turns.rest()
