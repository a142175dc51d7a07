"""Promises about time: what the machine itself keeps anybody waiting for does not count."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def starved(schedstat: Path) -> float:
    """Seconds that a thread has waited, ready to run, for a processor; 0 where nobody counts."""
    try:
        return int(schedstat.read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def starved_process(pid: int) -> float:
    """The same of all its threads together."""
    return sum(map(starved, Path(f"/proc/{pid}/task").glob("*/schedstat")))


class Watch:
    """Begins at once. `pids`: who works on what is timed, besides this process."""

    def __init__(self, *pids: int) -> None:
        self._pids = (os.getpid(), *pids)
        self._began = time.monotonic()
        self._starved = self._held()

    def seconds(self) -> float:
        """Since then, without those in which one of them waited for a processor."""
        return time.monotonic() - self._began - (self._held() - self._starved)

    def _held(self) -> float:
        return sum(map(starved_process, self._pids))


@contextmanager
def prompt(seconds: float, *pids: int) -> Iterator[None]:
    """What is done meanwhile takes less."""
    watch = Watch(*pids)
    yield
    took = watch.seconds()
    assert took < seconds, f"it took {took:.2f} s"
