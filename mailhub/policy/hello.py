"""What other servers call themselves (RFC 5321 4.1.1.1), and what is wrong with it.

RFC 5321 4.1.4 forbids to refuse a client for a name that does not fit its address alone, so that
is not among what is looked for. What a finding leads to is `policy.filters`'.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.settings import HelloSettings
from mailhub.policy.filters import HELLO, points, wanted
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Resolver
from mailhub.wire.dnsname import query_name, text_address
from mailhub.wire.networks import plain

# Underscores: Windows hosts have them in their names, and say so.
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?")
KINDS = ("A", "AAAA", "MX")
SAID = {
    "invalid": "Your hello is neither a name nor an address in brackets",
    "unqualified": "Your hello is no full name",
    "ours": "You are not who your hello says",
    "literal": "The address in your hello is not yours",
    "unresolvable": "The name in your hello does not exist in the DNS",
}


class Hello:
    """Looks at the hello when a sender is named: by then it is known whether the client is a user.

    `bounded`: a resolver for one message, in bounded time. `hostname`: of this server. `ours`:
    whether a domain is one of this server's.
    """

    name = "hello"
    stage = Stage.SENDER

    def __init__(
        self,
        settings: HelloSettings,
        bounded: Callable[[], Resolver],
        hostname: str,
        ours: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._scores = {
            name: points(getattr(settings, name))
            for name in HELLO
            if wanted(getattr(settings, name))
        }
        self._bounded = bounded
        self._hostname = hostname.lower()
        self._ours = ours

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """The first thing that is wrong, of those that somebody wants to know of."""
        if not facts.stranger or not facts.helo:
            return ()
        found = self._of_text(facts)
        if found is None and await self._claims(facts.helo):
            found = "ours"
        if found is None and await self._leads_nowhere(facts.helo):
            found = "unresolvable"
        if found is None or found not in self._scores:
            return ()
        return (Finding(self.name, found, facts.helo, self._scores[found], said=SAID[found]),)

    def _of_text(self, facts: Facts) -> str | None:
        helo = facts.helo
        if helo.startswith("["):
            spelled = text_address(helo)
            if not spelled:
                return "invalid"
            if spelled == plain(facts.peer.local_address) != plain(facts.peer.address):
                return "ours"
            client = plain(facts.peer.address)
            return None if _same(spelled, client) else "literal"
        if not _NAME.fullmatch(helo) or text_address(helo):
            return "invalid"
        return None if "." in helo.strip(".") else "unqualified"

    async def _claims(self, helo: str) -> bool:
        if "ours" not in self._scores or helo.startswith("["):
            return False
        name = helo.lower().rstrip(".")
        return name == self._hostname or await self._ours(name)

    async def _leads_nowhere(self, helo: str) -> bool:
        if "unresolvable" not in self._scores or helo.startswith("["):
            return False
        try:
            name = query_name(helo)
        except Invalid:
            return True
        resolver = self._bounded()
        for kind in KINDS:
            try:
                if (await resolver.query(name, kind)).records:
                    return False
            except NotFound:
                return True
            except Unavailable:
                return False
        return True


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False
