"""How much mail is taken in an hour: of a network of clients, of an account, of a sender's domain,
to a recipient. Past a limit the client is told to come again later.

Counted over a sliding hour. While the counters are away mail goes on uncounted.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.settings import RateSettings
from mailhub.policy.sliding import SlidingCount
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Clock, Counters
from mailhub.wire.networks import group

HOUR = 3600.0
SAID = {
    "network": "Your network sends too much, try again later",
    "account": "You send too much, try again later",
    "domain": "There is too much mail of the sender's domain, try again later",
    "recipient": "The recipient gets too much mail, try again later",
}


class Rates:
    """Counts messages when their sender is named, and those to one recipient when that is; one
    step for each of these stages, as `stage` says."""

    name = "rate"

    def __init__(
        self, settings: RateSettings, counters: Counters, clock: Clock, stage: Stage
    ) -> None:
        self.stage = stage
        self._settings = settings
        self._count = SlidingCount(counters, clock, HOUR)

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """The first limit that is passed. What is refused is not counted, so that who tries on in
        vain is let in again in time. Raises Unavailable."""
        taken: list[str] = []
        for name, subject in _subjects(self.stage, facts):
            limit = getattr(self._settings, name)
            if not limit:
                continue
            key = f"rate:{name}:{subject}"
            taken.append(key)
            if await self._count.hit(key) > limit:
                for one in taken:
                    await self._count.undo(one)
                return (Finding(self.name, name, subject, said=f"451 4.7.1 {SAID[name]}"),)
        return ()


def _subjects(stage: Stage, facts: Facts) -> Sequence[tuple[str, str]]:
    """What counts of a message, and by which limit."""
    if facts.principal is not None:
        account = str(facts.principal.account)
        return (("account", account),) if stage is Stage.SENDER else ()
    if not facts.stranger:
        return ()
    if stage is Stage.RECIPIENT:
        return (("recipient", facts.recipients[-1].lower()),)
    domain = (facts.sender or "").rpartition("@")[2].lower()
    network = ("network", group(facts.peer.address, 24, 64))
    return (network, ("domain", domain)) if domain else (network,)
