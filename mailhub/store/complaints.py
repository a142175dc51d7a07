"""What a store's threads tell of failures: whoever asked hears only of which kind they were."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

from twisted.logger import Logger

from mailhub.store.faults import DriverError
from mailhub.store.hop import Hop

PAUSE = 1.0
"""Seconds between two lines."""


class Complaints:
    """Lines of the log, at most one in `PAUSE` seconds: where the database is away, everything
    fails. `what`: that did. `seconds`: a monotonic clock."""

    _log = Logger()

    def __init__(self, hop: Hop, what: str, seconds: Callable[[], float] = monotonic) -> None:
        self._hop = hop
        self._what = what
        self._seconds = seconds
        self._next = -inf
        self._untold = 0

    def __call__(self, error: Exception) -> None:
        """On any thread."""
        self._hop.post(lambda: self._tell(error))

    def _tell(self, error: Exception) -> None:
        now = self._seconds()
        if now < self._next:
            self._untold += 1
            return
        self._log.error(
            "{what} failed: {kind}: {reason}{more}",
            what=self._what,
            kind=type(error).__name__,
            reason=error.reason if isinstance(error, DriverError) else error,
            more=f" ({self._untold} more were not told)" if self._untold else "",
        )
        self._next = now + PAUSE
        self._untold = 0
