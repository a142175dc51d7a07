"""How one server of Redis stands, with one word in the log when it goes or comes.

Asks nobody; who talks to the server says how it went.
"""

from __future__ import annotations

from enum import Enum

from mailhub.ports import Clock, Log

OURS = frozenset({"NOAUTH", "NOPERM", "WRONGPASS"})
"""Errors that time does not heal."""


class Health(Enum):
    """NEW → WELL ⇄ ILL. Each change is one event in the log."""

    NEW = "new"
    WELL = "well"
    ILL = "ill"


class Standing:
    """`node`: host and port of one of several; empty for the one that has the schedule."""

    def __init__(self, log: Log, clock: Clock, node: str = "") -> None:
        self._log = log
        self._clock = clock
        self._more = {"node": node} if node else {}
        self._since = clock.seconds()
        self.health = Health.NEW
        self.trouble = ""
        """What is wrong; empty where nothing is."""

    def well(self) -> None:
        """It answers."""
        before, self.trouble = self.health, ""
        if self._turn(Health.WELL):
            return
        if before is Health.NEW:
            self._tell("connected")
        else:
            since, self._since = self._since, self._clock.seconds()
            self._tell("back", seconds=self._since - since)

    def ill(self, reason: str) -> None:
        """It does not, or not as it should. What somebody has to mend is told also where it was
        away for another reason before."""
        before, self.trouble = self.trouble, reason
        if self._turn(Health.ILL):
            code = reason.split(" ", 1)[0]
            if code in OURS and not before.startswith(code):
                self._tell("refused", reason=reason, level="warn")
            return
        self._since = self._clock.seconds()
        self._tell("lost", reason=reason, level="warn")

    def gone(self) -> None:
        """It is not needed any more."""
        if self.health is Health.ILL:
            self._tell("left")
        self.health, self.trouble = Health.NEW, ""

    def _turn(self, health: Health) -> bool:
        """Whether it was so already."""
        same, self.health = health is self.health, health
        return same

    def _tell(self, outcome: str, **fields: object) -> None:
        self._log.event("redis", outcome=outcome, **self._more, **fields)
