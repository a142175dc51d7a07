"""How often one network is told the same over UDP: whoever forges an address must not be able to
turn this server on it. Pure; the hour is an argument.

After the limit every second answer is only a hint to come over TCP, which proves the address; the
others are not sent (as "response rate limiting" of other servers does).
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from mailhub.dns.grammar import Response
from mailhub.wire.networks import plain

NETWORKS = 20_000
"""Pairs of network and answer that are watched; the least lately seen are forgotten."""
BURST = 2.0
"""Seconds' worth of answers that one may save up."""


class Verdict(Enum):
    """What is sent."""

    SEND = "send"
    HINT = "hint"
    NOTHING = "nothing"


class Limits:
    """`rate`: alike answers in a second to one network: a /24, or a /56 of IPv6."""

    def __init__(self, rate: int) -> None:
        self._rate = float(rate)
        self._most = rate * BURST
        self._buckets: OrderedDict[tuple[bytes, bytes], list[float]] = OrderedDict()

    def judge(self, address: str, alike: bytes, now: float) -> Verdict:
        """`alike`: the same for answers that are so; `now`: seconds of a clock that never goes
        back."""
        key = network(address), alike
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= NETWORKS:
                self._buckets.popitem(last=False)
            self._buckets[key] = [self._most - 1.0, now, 0.0]
            return Verdict.SEND
        self._buckets.move_to_end(key)
        left, then, refused = bucket
        left = min(self._most, left + (now - then) * self._rate)
        bucket[1] = now
        if left >= 1.0:
            bucket[0] = left - 1.0
            return Verdict.SEND
        bucket[0] = left
        bucket[2] = 1.0 - refused
        return Verdict.NOTHING if refused else Verdict.HINT


@lru_cache(NETWORKS)
def network(address: str) -> bytes:
    """The network of an address."""
    address = plain(address)
    if ":" in address:
        return IPv6Address(address.partition("%")[0]).packed[:7]
    return IPv4Address(address).packed[:3]


def alike(response: Response) -> bytes:
    """The same for answers that count together: those of one name or wildcard, all refusals, and
    of each zone all names that do not exist."""
    for said in (*response.answers, *response.authorities):
        return bytes((response.code,)) + said.records.owner
    return bytes((response.code,))
