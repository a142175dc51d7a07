"""Greylisting (RFC 6647): who was never seen before is asked to come again in a while; senders of
mail do, and much of what sends spam does not.

What was seen is kept in counters: in Redis, where there is one, else until this process ends.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from mailhub.model.settings import GreylistSettings
from mailhub.policy.sliding import Marks
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Clock, Counters
from mailhub.wire.networks import group

_DIGITS = re.compile(r"\d+")


class Greylist:
    """`spf`: what SPF says of a client and its sender, asked where no finding says it."""

    name = "greylist"
    stage = Stage.RECIPIENT

    def __init__(
        self,
        settings: GreylistSettings,
        counters: Counters,
        clock: Clock,
        spf: Callable[[Facts], Awaitable[str]],
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._spf = spf
        self._known = Marks(counters, clock, settings.lifetime)

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """`early` where the client has to come again. Raises Unavailable."""
        if not facts.stranger or not facts.recipients or await self._excused(facts):
            return ()
        network = group(facts.peer.address, 24, 64)
        three = f"{network} {_sender(facts.sender or '')} {facts.recipients[-1].lower()}"
        if await self._known.count(f"grey:known:{three}"):
            await self._known.mark(f"grey:known:{three}")
            return ()
        passes = self._settings.passes
        if passes and await self._known.count(f"grey:network:{network}") >= passes:
            await self._known.mark(f"grey:network:{network}")
            return ()
        if self._settings.spf_pass and await self._spf(facts) == "pass":
            return ()
        if await self._early(three):
            return (self._finding(three),)
        await self._known.mark(f"grey:known:{three}")
        await self._known.mark(f"grey:network:{network}")
        return (Finding(self.name, "passed", three),)

    async def _excused(self, facts: Facts) -> bool:
        scores = [one.score for one in facts.findings]
        good = any(one.step == "dnsbl" and one.score < 0 for one in facts.findings)
        if good and self._settings.listed_good:
            return True
        return sum(scores) < self._settings.score and self._settings.score > 0

    async def _early(self, three: str) -> bool:
        """Whether these three are new, or came again before the delay was over."""
        first = await self._counters.hit(f"grey:seen:{three}", self._settings.window) == 1
        if first and self._settings.delay:
            await self._counters.hit(f"grey:wait:{three}", self._settings.delay)
        return first or await self._counters.peek(f"grey:wait:{three}") > 0

    def _finding(self, three: str) -> Finding:
        said = f"451 4.7.1 Greylisted, try again in {self._settings.delay} seconds"
        return Finding(self.name, "early", three, said=said)


def _sender(address: str) -> str:
    """Senders that differ from message to message (VERP, BATV, SRS) differ in digits or behind a
    plus; those of one kind count as one."""
    local, _, domain = address.lower().rpartition("@")
    return f"{_DIGITS.sub('#', local.partition('+')[0])}@{domain}"
