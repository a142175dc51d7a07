"""How fast the other server is read: one bound for all connections together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """`rate`: octets a second, 0 for no bound. One second's worth may come at once."""

    def __init__(
        self,
        rate: int,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._seconds = seconds
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = seconds() - 1.0

    def spend(self, octets: int) -> None:
        """So many came; returns when others may."""
        if not self._rate:
            return
        with self._lock:
            now = self._seconds()
            self._free_at = max(self._free_at, now - 1.0) + octets / self._rate
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)
