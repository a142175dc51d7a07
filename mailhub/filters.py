"""Composes the optional checks of mail, as far as the settings ask for them, in their order.

A part of the composition root, apart from it for its size. Cheap ones come first: what refuses a
client spares it, and others, the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from mailhub.model.settings import Settings
from mailhub.net.dialogue import EndpointDial
from mailhub.net.post import ServerPost
from mailhub.net.resolver import StubResolver
from mailhub.net.resolver.bounded import BoundedResolver
from mailhub.net.together import together
from mailhub.policy import milter, spf
from mailhub.policy.clamav import ClamAV
from mailhub.policy.dnsbl import Dnsbl
from mailhub.policy.greylist import Greylist
from mailhub.policy.hello import Hello
from mailhub.policy.origin import Origin
from mailhub.policy.rates import Rates
from mailhub.policy.reverse import Reverse
from mailhub.policy.rspamd import Rspamd
from mailhub.policy.spamassassin import SpamAssassin
from mailhub.policy.step import Facts, Stage, Step
from mailhub.policy.tarpit import Tarpit
from mailhub.ports import Clock, Counters, Resolver

MILTERS = 1000
"""Connections to one milter: one for each session with mail under way."""


def steps(
    settings: Settings,
    hostname: str,
    reactor: Any,
    clock: Clock,
    counters: Counters,
    resolver: StubResolver,
    ours: Callable[[str], Awaitable[bool]],
) -> Sequence[Step]:
    """`ours`: whether a domain is one of this server's."""
    bounded = partial(BoundedResolver, resolver, reactor, settings.policy.deadline)

    found: list[Step] = []
    if _any(settings.rate, 0):
        found.append(Rates(settings.rate, counters, clock, Stage.SENDER))
    if settings.rate.recipient:
        found.append(Rates(settings.rate, counters, clock, Stage.RECIPIENT))
    if _any(settings.hello, "none"):
        found.append(Hello(settings.hello, bounded, hostname, ours))
    if _any(settings.reverse, "none"):
        found.append(Reverse(settings.reverse, bounded))
    if _any(settings.origin, "none"):
        found.append(Origin(settings.origin, resolver))
    if settings.dnsbl:
        found.append(Dnsbl(settings.dnsbl, bounded, together, clock))
    if settings.tarpit.score > 0:
        found.append(Tarpit(settings.tarpit))
    if settings.greylist.enabled:
        found.append(Greylist(settings.greylist, counters, clock, _spf(bounded, hostname, clock)))
    found += _scanners(settings, hostname, reactor, clock)
    return found


def _spf(
    bounded: Callable[[], Resolver], hostname: str, clock: Clock
) -> Callable[[Facts], Awaitable[str]]:
    """What SPF says: as it was found, else it is asked."""

    async def says(facts: Facts) -> str:
        known = next((one.name for one in facts.findings if one.step == "spf"), "")
        if known:
            return known
        address, sender = facts.peer.address, facts.sender or ""
        checked = await spf.check(
            bounded(), address, sender, facts.helo, receiver=hostname, clock=clock
        )
        return checked.result

    return says


def _scanners(settings: Settings, hostname: str, reactor: Any, clock: Clock) -> Iterator[Step]:
    clamav, rspamd, spamassassin = settings.clamav, settings.rspamd, settings.spamassassin
    if clamav.endpoint:
        yield ClamAV(clamav, EndpointDial(clamav.endpoint, clamav.concurrency, reactor))
    if rspamd.url:
        post = ServerPost(rspamd.url, rspamd.timeout, rspamd.concurrency, reactor)
        yield Rspamd(rspamd, post, hostname)
    if spamassassin.endpoint:
        dial = EndpointDial(spamassassin.endpoint, spamassassin.concurrency, reactor)
        yield SpamAssassin(spamassassin, dial, clock, hostname)
    for one in settings.milter:
        yield from milter.steps(one, EndpointDial(one.endpoint, MILTERS, reactor), hostname)


def _any(section: Any, default: object) -> bool:
    return any(getattr(section, field.name) != default for field in fields(section))
