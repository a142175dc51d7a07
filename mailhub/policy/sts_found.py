"""Finds a domain's MTA-STS policy (RFC 8461) and keeps it as long as it may be used.

A policy that was seen once holds until it expires, whatever an attacker does to the DNS and the
web server meanwhile: that is all the protection MTA-STS has, so policies outlive restarts. May
not decide what follows from a policy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailhub.model.errors import Invalid, MailhubError, NotFound, Unavailable, Untrusted
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSReport, TLSResult
from mailhub.policy.sts import STSMode, STSPolicy, parse, record_id
from mailhub.ports import Clock, Fetch, Resolver, Shelf

SIZE = 64 * 1024
"""Octets of a policy document (3.3 suggests such a bound)."""
SECONDS = 10.0
KEPT = 10_000
"""Policies; of more, those that were not used for the longest time go."""
FAILED = 300.0
"""Seconds before a document that could not be had is asked for again (3.3)."""
FAILURES = 10_000
REFRESH = 86400
"""Seconds after which a policy that is used is fetched again, so that it does not run out while
somebody holds its announcement back (10.2)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it is kept. `id`: announced when it was fetched; `fetched`: epoch seconds."""

    id: str
    policy: STSPolicy
    fetched: int

    @property
    def expires(self) -> int:
        """Epoch seconds."""
        return self.fetched + self.policy.max_age


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a domain: its policy, or None; and a report of what went wrong."""

    policy: STSPolicy | None = None
    failure: TLSReport | None = None


NOTHING = Found()


class STSPolicies:
    """Policies by domain. `shelf`: where they outlive restarts."""

    def __init__(self, resolver: Resolver, fetch: Fetch, clock: Clock, shelf: Shelf) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._clock = clock
        self._shelf = shelf
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._wait: OrderedDict[str, tuple[float, TLSReport]] = OrderedDict()
        self._load(shelf.read())

    def __len__(self) -> int:
        return len(self._kept)

    async def find(self, domain: str) -> Found:
        """The policy that holds for mail to `domain` (A-labels) now. Never raises: a domain whose
        policy cannot be had has none (3.3), unless one is kept."""
        announced = await self._announced(domain)
        kept = self._kept.get(domain)
        now = int(self._clock.now())
        if kept is not None and kept.expires <= now:
            del self._kept[domain]
            kept = None
        if kept is not None:
            self._kept.move_to_end(domain)
            fresh = announced == kept.id and now - kept.fetched < REFRESH
            if fresh or not announced:
                return Found(kept.policy)
        if not announced:
            return NOTHING
        return await self._fetched(domain, announced, kept)

    async def _announced(self, domain: str) -> str:
        try:
            answer = await self._resolver.query(f"_mta-sts.{domain}", "TXT")
        except (NotFound, Unavailable):
            return ""
        return record_id(answer.records)

    async def _fetched(self, domain: str, announced: str, kept: Kept | None) -> Found:
        old = kept.policy if kept else None
        waiting = self._wait.get(domain)
        if waiting is not None:
            if waiting[0] > self._clock.seconds():
                return Found(old, waiting[1])
            del self._wait[domain]
        url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
        try:
            document = await self._fetch.get(url, kind="text/plain", size=SIZE, seconds=SECONDS)
            policy = parse(document)
        except (Unavailable, Invalid) as error:
            failure = TLSReport(
                TLSPolicy(domain, TLSPolicyKind.STS), _result(error), reason=error.text
            )
            self._wait[domain] = (self._clock.seconds() + FAILED, failure)
            if len(self._wait) > FAILURES:
                self._wait.popitem(last=False)
            return Found(old, failure)
        self._keep(domain, Kept(announced, policy, int(self._clock.now())))
        return Found(policy)

    def _keep(self, domain: str, kept: Kept) -> None:
        self._kept[domain] = kept
        self._kept.move_to_end(domain)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._shelf.keep(self._dump)

    def _dump(self) -> Mapping[str, Any]:
        return {
            domain: {"id": kept.id, "fetched": kept.fetched, "policy": "\n".join(kept.policy.lines)}
            for domain, kept in self._kept.items()
        }

    def _load(self, shelved: Any) -> None:
        """What was kept, as far as it is still understood."""
        for domain, one in shelved.items() if isinstance(shelved, dict) else ():
            try:
                kept = Kept(str(one["id"]), parse(one["policy"].encode()), int(one["fetched"]))
            except (Invalid, TypeError, KeyError, ValueError, AttributeError):
                continue
            if len(self._kept) < KEPT:
                self._kept[str(domain)] = kept


def applied(domain: str, policy: STSPolicy) -> TLSPolicy:
    """The policy as reports name it."""
    return TLSPolicy(
        domain,
        TLSPolicyKind.STS,
        policy.lines,
        policy.patterns,
        testing=policy.mode is STSMode.TESTING,
    )


def _result(error: MailhubError) -> TLSResult:
    if isinstance(error, Untrusted):
        return TLSResult.STS_WEBPKI_INVALID
    return TLSResult.STS_INVALID if isinstance(error, Invalid) else TLSResult.STS_FETCH_ERROR
