"""Asks ClamAV whether a message holds a virus.

Without an answer the step is unavailable: what that leads to, the settings say.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Unavailable
from mailhub.model.settings import ClamAVSettings
from mailhub.policy.filters import points
from mailhub.policy.scanning import ask, looks_at, pieces
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Dial
from mailhub.wire import clamd

SAID = "The message holds a virus"


class ClamAV:
    """One question for each message."""

    name = "clamav"
    stage = Stage.BODY

    def __init__(self, settings: ClamAVSettings, dial: Dial) -> None:
        self._settings = settings
        self._dial = dial

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """`virus`, or `unscanned` for what is too large. Raises Unavailable."""
        content = looks_at(self._settings.scan, facts)
        if content is None:
            return ()
        if content.size > self._settings.size:
            return (self._finding("unscanned", f"{content.size} octets"),)
        question = clamd.question(pieces(content))
        verdict = await ask(self._dial, self._settings.timeout, question, clamd.Reading())
        if verdict.too_large:
            return (self._finding("unscanned", verdict.error),)
        if verdict.error:
            raise Unavailable(verdict.error)
        if not verdict.virus:
            return (Finding(self.name, "clean"),)
        return (self._finding("virus", verdict.virus, f"{SAID} ({verdict.virus})"),)

    def _finding(self, name: str, text: str, said: str = "") -> Finding:
        return Finding(self.name, name, text, points(getattr(self._settings, name)), said=said)
