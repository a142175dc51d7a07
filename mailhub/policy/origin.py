"""Whether the domain of an envelope sender takes mail: one that does not cannot be answered.

It is asked for MX first (RFC 5321 5.1), where a null MX says so itself (RFC 7505 4.2). What a
finding leads to is `policy.filters`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Invalid, NotFound
from mailhub.model.settings import OriginSettings
from mailhub.policy.filters import points, wanted
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Resolver
from mailhub.wire.dnsname import query_name

NULL = "."


class Origin:
    """Asked when a sender is named. The null sender and address literals have no such domain."""

    name = "origin"
    stage = Stage.SENDER

    def __init__(self, settings: OriginSettings, resolver: Resolver) -> None:
        self._settings = settings
        self._resolver = resolver

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """What is wrong, where somebody wants to know. Raises Unavailable."""
        domain = (facts.sender or "").rpartition("@")[2]
        if not facts.stranger or not domain or domain.startswith("["):
            return ()
        found = await self._wrong(domain)
        outcome = getattr(self._settings, found) if found else "none"
        if not wanted(outcome):
            return ()
        return (Finding(self.name, found, domain, points(outcome)),)

    async def _wrong(self, domain: str) -> str:
        try:
            name = query_name(domain)
            exchanges = (await self._resolver.query(name, "MX")).records
            if exchanges:
                null = all(exchange in ("", NULL) for _, exchange in exchanges)
                return "null_mx" if null else ""
            for kind in ("A", "AAAA"):
                if (await self._resolver.query(name, kind)).records:
                    return ""
        except (NotFound, Invalid):
            pass
        return "unresolvable"
