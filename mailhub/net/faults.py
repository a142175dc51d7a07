"""Which work in the background failed a while ago: heard from the log, for the looks at the server.

Decides nothing; what is logged goes on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailhub.ports import Log

KEPT = 86400.0
"""Seconds for which a failure is told."""


class Faults:
    """`ports.Log` that also remembers which work in the background failed, and why."""

    def __init__(self, log: Log, reactor: Any) -> None:
        self._log = log
        self._seconds = reactor.seconds
        self._found: dict[str, tuple[float, str]] = {}

    def event(self, verb: str, **fields: object) -> None:
        """Passes it on."""
        if verb == "background-failed":
            why = f"{fields.get('error', '')} {fields.get('reason', '')}".strip()
            self._found[str(fields.get("what", ""))] = self._seconds(), why[:300]
        self._log.event(verb, **fields)

    def recent(self) -> Mapping[str, str]:
        """What failed in the last day, by what it was."""
        since = self._seconds() - KEPT
        return {what: why for what, (at, why) in self._found.items() if at >= since}
