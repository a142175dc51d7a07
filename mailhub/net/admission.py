"""Who may connect: counts per service and network, and the process's file descriptors.

Networks are counted over all processes, the rest is each one's own. Counts only; accepting,
refusing and pausing are done in `net.listeners`.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailhub.model.settings import LimitSettings
from mailhub.ports import Seats
from mailhub.wire.networks import Networks, group

SPARE_DESCRIPTORS = 64
"""Kept free for the store, logs and outgoing connections."""
RESUME_AT = 0.95
"""Accepting goes on when so much of the budget is used, not at every single departure."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One admitted connection."""

    service: str
    network: str

    @property
    def key(self) -> str:
        """What it is counted under."""
        return f"{self.service} of {self.network}"


class Admission:
    """The counts of all listeners. One per process. `seats`: where networks are counted; it may be
    set until the first one enters."""

    def __init__(self, settings: LimitSettings, seats: Seats) -> None:
        self.seats = seats
        self._most = settings.connections
        self._most_per_network = settings.connections_per_network
        self._exempt = Networks(settings.exempt_networks)
        self._services: Counter[str] = Counter()

    def enter(self, service: str, address: str) -> Ticket | None:
        """Counts a connection; None where one more is too many. Give the ticket to `leave`."""
        if self._services[service] >= self._most:
            return None
        ticket = Ticket(service, group(address))
        exempt = address in self._exempt
        if not (exempt or self._most_per_network):
            return None
        if not self.seats.admit(ticket.key, 0 if exempt else self._most_per_network):
            return None
        self._services[service] += 1
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Ends what `enter` counted."""
        self._services[ticket.service] -= 1
        self.seats.give(ticket.key)

    def count(self, service: str) -> int:
        """Connections of `service` now."""
        return self._services[service]


class Descriptors:
    """How many more connections the descriptor table has room for.

    `budget` is asked when the first connection comes: everything else is open by then. At its
    end `pause` is called once, and `resume` when enough of them were closed: a process at its
    limit must neither spin on accept nor take the store's descriptors.
    """

    def __init__(
        self, budget: Callable[[], int], pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self._measure = budget
        self._budget = 0
        self._low = 0
        self._used = 0
        self._paused = False
        self._pause = pause
        self._resume = resume

    def take(self) -> bool:
        """Counts a connection; False where even the spare ones are half used up."""
        if not self._budget:
            self._budget = max(1, self._measure())
            self._low = min(self._budget - 1, int(self._budget * RESUME_AT))
        if self._used >= self._budget + SPARE_DESCRIPTORS // 2:
            return False
        self._used += 1
        if self._used >= self._budget and not self._paused:
            self._paused = True
            self._pause()
        return True

    def give(self) -> None:
        """Ends what `take` counted."""
        self._used -= 1
        if self._paused and self._used <= self._low:
            self._paused = False
            self._resume()


def raise_descriptor_limit() -> int:
    """Raises the soft limit of open files to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = hard if hard != resource.RLIM_INFINITY else 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def descriptor_budget(limit: int) -> int:
    """Connections that fit under `limit` beside what is open now and the spare ones."""
    try:
        in_use = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # no /proc: assume a modest server
        in_use = SPARE_DESCRIPTORS
    return limit - in_use - SPARE_DESCRIPTORS
