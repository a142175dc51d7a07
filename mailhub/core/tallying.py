"""Counts what reports tell of, in memory, and writes it to the store every so often.

A message costs a look into a dictionary and no commit. Memory is bounded: of a flood of different
things some are not counted, and the log says how many. A crash loses the counts of some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core import reportkeys
from mailhub.core.background import spawn
from mailhub.core.reportkeys import DAY, DMARC, TLS
from mailhub.core.turns import Turns
from mailhub.model.dmarcreport import DMARCSeen
from mailhub.model.errors import MailhubError
from mailhub.model.report import ReportRow
from mailhub.model.settings import ReportSettings
from mailhub.model.tlsreport import TLSReport, TLSResult
from mailhub.ports import Clock, Log, Storage

ENTRIES = 8000
"""Different things that are held in memory; at half of that they are written."""
BATCH = 500
"""Rows of one commit."""

_Key = tuple[int, DMARCSeen | TLSReport]


class Tallies:
    """`ports.Tally`. Counts nothing where no reports are sent."""

    def __init__(self, storage: Storage, clock: Clock, log: Log, settings: ReportSettings) -> None:
        self._storage = storage
        self._clock = clock
        self._log = log
        self._settings = settings
        self._counts: dict[_Key, int] = {}
        self._lost = 0
        self._writing = False

    @property
    def waiting(self) -> int:
        """Different things that are not written yet."""
        return len(self._counts)

    def dmarc(self, seen: DMARCSeen) -> None:
        """See `ports.Tally`. A client without an IP address cannot be told of."""
        wanted = self._settings.sender and self._settings.dmarc and seen.published.reports
        if wanted and seen.address != "unix":
            self._count(seen, 1)

    def tls(self, reports: Sequence[TLSReport]) -> None:
        """See `ports.Tally`."""
        for one in reports:
            if one.result is not TLSResult.SUCCESS:
                self._log.event(
                    "tls-policy",
                    outcome=one.result.value,
                    domain=one.policy.domain,
                    policy=one.policy.kind.value,
                    mx=one.mx,
                    reason=one.reason,
                )
            if self._settings.sender and self._settings.tls:
                plain = one.result is TLSResult.SUCCESS
                self._count(TLSReport(one.policy, one.result) if plain else one, 1)

    def _count(self, what: DMARCSeen | TLSReport, count: int, day: int = -1) -> None:
        key = (int(self._clock.now()) // DAY if day < 0 else day, what)
        counts = self._counts
        if key in counts:
            counts[key] += count
        elif len(counts) < ENTRIES:
            counts[key] = count
            if len(counts) == ENTRIES // 2 and not self._writing:
                spawn(self.write(), self._log, "report counts")
        else:
            self._lost += count

    async def write(self) -> None:
        """Writes what was counted. What the store cannot take now waits, as far as there is room;
        to be called every so often, and at the end."""
        if self._writing:
            return
        self._writing = True
        try:
            await self._write()
        finally:
            self._writing = False

    async def _write(self) -> None:
        left, self._counts = self._counts, {}
        if self._lost:
            self._log.event("report-counts", level="warn", outcome="lost", count=self._lost)
            self._lost = 0
        keys = list(left)
        turns = Turns(self._clock)
        for start in range(0, len(keys), BATCH):
            rows = []
            for key in keys[start : start + BATCH]:
                rows.append(_row(*key, left[key]))
                await turns.rest()
            try:
                await self._storage.reports.add(rows, most=self._settings.rows)
            except MailhubError as error:
                self._log.event("report-counts", outcome="waiting", reason=error.text)
                for day, what in keys[start:]:
                    self._count(what, left[day, what], day)
                return


def _row(day: int, what: DMARCSeen | TLSReport, count: int) -> ReportRow:
    if isinstance(what, DMARCSeen):
        return ReportRow(DMARC, what.published.domain, day, reportkeys.of_dmarc(what), count)
    return ReportRow(TLS, what.policy.domain, day, reportkeys.of_tls(what), count)
