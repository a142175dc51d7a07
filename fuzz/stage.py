"""What a session is played on: a world that each input finds as the one before found it, and
everything that the server wrote down about itself meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import implementer

from mailhub.core.watch import Watch
from tests.world import World

INPUTS = 256
"""Inputs after which a world is made anew, with all that it remembers outside its database."""
LATER = 31 * 86400.0
"""Seconds between two inputs: no guess, no login and no known client is remembered so long."""
DEFECTS = frozenset({"imap-command-failed", "watch-failed", "background-failed", "rehash-failed"})
"""Events of the server's log that only a defect makes."""


class Stage:
    """Gives out one world again and again. `build`: makes it, with its people and their mail."""

    def __init__(self, build: Callable[[], World]) -> None:
        self._build = build
        self._left = 0

    def world(self) -> World:
        """The world as it was built, but for the time."""
        if not self._left:
            self._left = INPUTS
            self._world = self._build()
            self._kept = sqlite3.connect(":memory:")
            self._world.store.database.backup(self._kept)
        else:
            self._kept.backup(self._world.store.database)
        self._left -= 1
        here = self._world
        here.clock.advance(LATER)
        here.log.events.clear()
        here.watch.close()  # mailboxes that were open may follow it still
        here.watch = Watch(here.store, here.log)
        return here


@implementer(ILogObserver)
class Defects:
    """Collects what Twisted's log is told of failures; in a `with` around a session."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._failures: list[str] = []

    def __enter__(self) -> Defects:
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(self, *_: object) -> None:
        globalLogPublisher.removeObserver(self)

    def __call__(self, event: dict[str, Any]) -> None:
        failure = event.get("log_failure")
        if failure is not None:
            self._failures.append(failure.getTraceback())
        elif event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self._failures.append(str(event.get("log_format")))

    def check(self) -> None:
        """Raises AssertionError with what was written down of a defect."""
        events = self._world.log.events
        told = [str(fields) for verb, fields in events if verb in DEFECTS] + self._failures
        assert not told, "\n".join(told)
