"""Looks clients and domains up in lists in the DNS (RFC 5782), of bad ones and of good ones.

A list that does not answer, or whose operator refuses to answer us, says nothing, and is left in
peace for a while. What a listing leads to is `policy.filters`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.settings import DnsblSettings
from mailhub.policy.consequences import UNAVAILABLE
from mailhub.policy.filters import listings, points
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.ports import Clock, Resolver, Together
from mailhub.wire.dnslist import Code, address_name, domain_name, means
from mailhub.wire.networks import plain

REST = 60.0
"""Seconds for which a list that gave no answer is not asked."""
SHOWN = {"address": "Your address", "sender": "The sender's domain", "hello": "Your name"}


@dataclass(frozen=True, slots=True)
class _List:
    """`codes`: the answers that have names of their own. `scores`: points by a finding's name."""

    zone: str
    of: str
    codes: tuple[Code, ...]
    scores: dict[str, float]


class Dnsbl:
    """One step over all lists, asked when a sender is named: by then it is known whether the
    client is a user. `bounded`: a resolver for one message, whose answers together take no longer
    than they may."""

    name = "dnsbl"
    stage = Stage.SENDER

    def __init__(
        self,
        lists: Sequence[DnsblSettings],
        bounded: Callable[[], Resolver],
        together: Together,
        clock: Clock,
    ) -> None:
        self._lists = tuple(map(_list, lists))
        self._bounded = bounded
        self._together = together
        self._clock = clock
        self._rests: dict[str, float] = {}

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """Who is listed where."""
        if not facts.stranger:
            return ()
        resolver = self._bounded()
        work = [self._ask(resolver, one, name, value) for one, name, value in self._names(facts)]
        return [finding for found in await self._together(work) for finding in found]

    def _names(self, facts: Facts) -> Iterator[tuple[_List, str, str]]:
        """What is asked of which list, and what for."""
        for one in self._lists:
            value = _value(one, facts)
            named = address_name if one.of == "address" else domain_name
            try:
                yield one, named(value, one.zone), value
            except Invalid:
                continue  # nothing that could be listed

    async def _ask(
        self, resolver: Resolver, one: _List, name: str, value: str
    ) -> Sequence[Finding]:
        if self._rests.get(one.zone, 0.0) > self._clock.seconds():
            return (Finding(self.name, UNAVAILABLE, f"{one.zone} is not asked now"),)
        try:
            answer = await resolver.query(name, "A")
        except NotFound:
            return ()
        except Unavailable as error:
            return (self._away(one, error.text),)
        meanings = {record: means(record) for record in answer.records}
        if None in meanings.values():
            return (self._away(one, f"it answers {' '.join(meanings)}"),)
        said = f"{SHOWN[one.of]} {value} is listed by {one.zone}"
        return [
            Finding(self.name, named, f"{value} {' '.join(meanings)}", one.scores[named], said=said)
            for named in _named(one, [record for record in meanings if meanings[record]])
        ]

    def _away(self, one: _List, why: str) -> Finding:
        self._rests[one.zone] = self._clock.seconds() + REST
        return Finding(self.name, UNAVAILABLE, f"{one.zone}: {why}")


def _list(settings: DnsblSettings) -> _List:
    return _List(
        settings.zone.strip(".").lower(),
        settings.of,
        tuple(map(Code, settings.codes)),
        {name: points(outcome) for name, outcome in listings(settings)},
    )


def _value(one: _List, facts: Facts) -> str:
    if one.of == "address":
        return plain(facts.peer.address)
    return facts.helo if one.of == "hello" else (facts.sender or "").rpartition("@")[2]


def _named(one: _List, records: Sequence[str]) -> Iterator[str]:
    """Names of the findings that these answers are, each once."""
    names = {}
    for record in records:
        codes = [code.text for code in one.codes if record in code]
        names.update(dict.fromkeys(f"{one.zone}={code}" for code in codes))
        if not codes:
            names[one.zone] = None
    yield from names
