"""Whether a client's address has a name, and the name that address (RFC 8601 3).

The look-up is `policy.iprev`'s; what a finding leads to, `policy.filters`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub.model.errors import Unavailable
from mailhub.model.settings import ReverseSettings
from mailhub.policy import iprev
from mailhub.policy.filters import points, wanted
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Resolver

FOUND = {"permerror": "missing", "fail": "unconfirmed"}
SAID = {
    "missing": "Your address has no name in the DNS",
    "unconfirmed": "The name of your address in the DNS does not lead back to it",
}


class Reverse:
    """Asked when a sender is named: by then it is known whether the client is a user. `bounded`: a
    resolver for one message, in bounded time."""

    name = "reverse"
    stage = Stage.SENDER

    def __init__(self, settings: ReverseSettings, bounded: Callable[[], Resolver]) -> None:
        self._settings = settings
        self._bounded = bounded

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """What is wrong, where somebody wants to know. Raises Unavailable."""
        if not facts.stranger:
            return ()
        checked = await iprev.check(self._bounded(), facts.peer.address)
        if checked.result == "temperror":
            raise Unavailable("The DNS does not answer")
        found = FOUND.get(checked.result)
        if found is None:
            return ()
        outcome = getattr(self._settings, found)
        if not wanted(outcome):
            return ()
        return (Finding(self.name, found, facts.peer.address, points(outcome), said=SAID[found]),)
