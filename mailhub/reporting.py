"""Composes the reports that are sent to other servers' administrators and those that come back.

A part of the composition root, apart from it for its size. No rule of mail may live here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.reporting import Reporting
from mailhub.core.reportreading import ReportReading
from mailhub.core.reportsummary import Summaries
from mailhub.net.fetch import SafeFetch
from mailhub.net.rounds import Leased, Round
from mailhub.parts import Parts
from mailhub.service import Step

REVIEW = 300.0
"""Seconds between two looks at whether reports are due."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What runs. `steps`: in the order in which they start; the first one before mail is taken or
    sent, as it counts what happens then."""

    reporting: Reporting
    reading: ReportReading
    summaries: Summaries
    steps: Sequence[Step]


def compose(parts: Parts) -> Reports:
    """On parts that are not started yet."""
    settings, reactor, log = parts.settings.reports, parts.reactor, parts.log
    reporting = Reporting(
        parts.store,
        parts.tallies,
        parts.intake,
        parts.resolver,
        SafeFetch(
            parts.resolver,
            reactor,
            private=parts.settings.queue.private_addresses,
            verify=False,
        ),
        parts.clock,
        log,
        settings,
        parts.hostname,
    )
    reading = ReportReading(
        parts.store,
        parts.addresses,
        parts.clock,
        log,
        settings,
        parts.judging.authserv_id,
    )
    counts = Round(parts.tallies.write, settings.write, reactor, log, "report counts", last=True)
    review = Round(reporting.review, REVIEW, reactor, log, "reports", lease=parts.lease("reports"))
    read = Leased(reading.start, reading.stop, parts.lease("report reading"), log, "report reading")
    steps = [
        Step("report counts", counts.start, counts.stop),
        Step("report reading", read.start, read.stop),
        Step("reports", review.start, review.stop),
    ]
    return Reports(reporting, reading, Summaries(parts.store, parts.clock), steps)
