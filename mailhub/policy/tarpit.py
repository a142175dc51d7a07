"""Answers slowly to clients that look bad: who has much to send and little to spare goes away.

How an answer is held back is the face's; here is only for whom, and how long.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.settings import TarpitSettings
from mailhub.policy.step import Facts, Finding, Stage


class Tarpit:
    """Stands behind the steps whose points it looks at."""

    name = "tarpit"
    stage = Stage.SENDER

    def __init__(self, settings: TarpitSettings) -> None:
        self._settings = settings

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """`slow` where the points so far reach the limit."""
        total = sum(one.score for one in facts.findings)
        if not facts.stranger or total < self._settings.score:
            return ()
        return (Finding(self.name, "slow", f"{total:g} points", delay=self._settings.wait),)
