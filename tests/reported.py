"""The parts of reporting over a world in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.core.reporting import Reporting
from mailhub.core.reportreading import ReportReading
from mailhub.core.reportsummary import Summaries
from mailhub.core.tallying import Tallies
from mailhub.model.errors import Unavailable
from mailhub.model.settings import ReportSettings
from tests.world import HOSTNAME, World


class Websites:
    """`ports.Posting` that keeps what it is given. `away`: nobody answers."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, str]] = []
        self.away = False

    async def post(self, url: str, data: bytes, *, kind: str, seconds: float) -> None:
        if self.away:
            raise Unavailable("away")
        self.posted.append((url, data, kind))


@dataclass(slots=True)
class Office:
    """Everything that deals with reports."""

    tallies: Tallies
    reporting: Reporting
    reading: ReportReading
    summaries: Summaries
    websites: Websites = field(default_factory=Websites)


def office(here: World, settings: ReportSettings, hostname: str = HOSTNAME) -> Office:
    """Joined as the composition root joins it."""
    websites = Websites()
    tallies = Tallies(here.store, here.clock, here.log, settings)
    reporting = Reporting(
        here.store,
        tallies,
        here.intake,
        here.resolver,
        here.counters,
        websites,
        here.clock,
        here.log,
        settings,
        hostname,
    )
    reading = ReportReading(here.store, here.addresses, here.clock, here.log, settings, HOSTNAME)
    summaries = Summaries(here.store, here.clock)
    return Office(tallies, reporting, reading, summaries, websites)
