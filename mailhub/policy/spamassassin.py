"""Asks SpamAssassin's spamd how much a message looks like spam.

Without an answer the step is unavailable: what that leads to, the settings say.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from mailhub.model.errors import Unavailable
from mailhub.model.settings import SpamAssassinSettings
from mailhub.policy import scored
from mailhub.policy.filters import points
from mailhub.policy.scanning import ask, looks_at, pieces
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Clock, Dial
from mailhub.wire import spamc

SAID = "The message looks like spam"


class SpamAssassin:
    """One question for each message. `hostname`: of this server."""

    name = "spamassassin"
    stage = Stage.BODY

    def __init__(
        self, settings: SpamAssassinSettings, dial: Dial, clock: Clock, hostname: str
    ) -> None:
        self._settings = settings
        self._dial = dial
        self._clock = clock
        self._hostname = hostname

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """`ham`, `spam`, `high`, or `unscanned` for what is too large. Raises Unavailable."""
        settings = self._settings
        content = looks_at(settings.scan, facts)
        if content is None:
            return ()
        if content.size > settings.size:
            return (Finding(self.name, "unscanned", f"{content.size} octets"),)
        before = self._trace(facts)
        question = (
            spamc.question(content.size + len(before), settings.user),
            *pieces(content, before),
        )
        verdict = await ask(self._dial, settings.timeout, question, spamc.Reading())
        if verdict.error:
            raise Unavailable(verdict.error)
        return (self._finding(verdict),)

    def _finding(self, verdict: spamc.Verdict) -> Finding:
        settings = self._settings
        name, outcome = "ham", 0.0
        if verdict.spam:
            high = 0 < settings.high_score <= verdict.score
            name = "high" if high else "spam"
            outcome = points(settings.high if high else settings.spam)
        tests = " ".join(verdict.tests)
        return Finding(
            self.name,
            name,
            f"{verdict.score:g}/{verdict.needed:g} {tests}",
            outcome + settings.weight * verdict.score,
            fields=scored.field(verdict.spam, verdict.score, verdict.needed, verdict.tests),
            said=SAID if verdict.spam else "",
        )

    def _trace(self, facts: Facts) -> bytes:
        """What rules read about the client and the envelope: the fields that this server will put
        before the message, which are not there yet."""
        address = facts.peer.address
        spelled = f"IPv6:{address}" if ":" in address else address
        helo = _plain(facts.helo) or "unknown"
        name = next((one.text for one in facts.findings if one.step == "iprev"), "") or "unknown"
        protocol = "ESMTPA" if facts.principal is not None else "ESMTP"
        return (
            f"Received: from {helo} ({_plain(name)} [{spelled}])\r\n"
            f"\tby {self._hostname} (mailhub) with {protocol} id {facts.transaction or 'none'};\r\n"
            f"\t{formatdate(self._clock.now())}\r\n"
            f"X-Envelope-From: <{_plain(facts.sender or '')}>\r\n"
        ).encode("utf-8", "replace")


def _plain(text: str) -> str:
    """Without anything that could end a line or a comment."""
    return "".join(mark for mark in text if mark > " " and mark not in "()<>\x7f")
