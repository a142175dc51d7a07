"""What both schedules are bound by; may not hold a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.settings import Settings

PATIENCE = 60.0
"""Seconds without a word after which whoever fills the schedule is taken for dead."""
PAGE = 1000
"""Entries put, dropped or leased in one step, so that nobody else waits long."""
PROMOTED = 100
"""Lanes beyond those asked for that one `take` looks at because their time has come."""
LATEST_DUE = 10**12 - 1


@dataclass(frozen=True, slots=True)
class ScheduleLimits:
    """`lane`: leases of one lane at a time; `total`: leases in all, claims by hand not counted."""

    lane: int = 20
    total: int = 200

    @classmethod
    def of(cls, settings: Settings) -> ScheduleLimits:
        """As the configuration says."""
        queue = settings.queue
        return cls(queue.concurrency_per_destination, queue.concurrency)


def bounded(due: int) -> int:
    """A due time as schedules keep it: never before the epoch, at most twelve digits."""
    return min(max(due, 0), LATEST_DUE)
