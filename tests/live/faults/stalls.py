"""When nodes stood still, as their logs say: a process that gets no processor for longer than its
leases last loses them like a dead one, and what it had sent may leave again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.live.crash.departures import Kill

EVERY = 0.1
"""Seconds between two looks into the logs."""
SLACK = 0.5
"""Seconds from the end of a stall until its line is in the log, at the most."""


class Stalls:
    """Reads the logs beside everything else until `stop`. `logs`: the files there are now."""

    def __init__(self, logs: Callable[[], Sequence[Path]]) -> None:
        self._logs = logs
        self._read: dict[Path, int] = {}
        self._found: list[Kill] = []
        self.longest = 0.0
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def take(self) -> list[Kill]:
        """Those since the last call, as times in which a node did not work."""
        time.sleep(EVERY + SLACK)  # the last line is read
        found, self._found = self._found, []
        return found

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            for log in self._logs():
                self._look(log)

    def _look(self, log: Path) -> None:
        start = self._read.get(log, 0)
        if not log.exists() or log.stat().st_size == start:
            return
        with log.open("rb") as file:
            file.seek(start)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read[log] = start + whole
        now = time.monotonic()
        for line in data[:whole].splitlines():
            if b'"stalled"' in line:
                seconds = float(json.loads(line)["duration"])
                self._found.append(Kill(now - EVERY - SLACK - seconds, now))
                self.longest = max(self.longest, seconds)
                self.count += 1
