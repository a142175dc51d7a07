"""A resolver that has only so much time for all that it is asked: one for each message."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Unavailable
from mailhub.net.resolver.resolver import StubResolver

LATE = "The DNS took too long"


class BoundedResolver:
    """`ports.Resolver` on another one, for `seconds` from now on; what is kept in its cache is told
    all the same."""

    def __init__(self, resolver: StubResolver, reactor: Any, seconds: float) -> None:
        self._resolver = resolver
        self._reactor = reactor
        self._end = reactor.seconds() + seconds

    def query(self, name: str, kind: str) -> Deferred[DNSAnswer]:
        """See `ports.Resolver`."""
        answer = self._resolver.query(name, kind)
        if not answer.called:
            left = max(0.0, self._end - self._reactor.seconds())
            answer.addTimeout(left, self._reactor, _late)
        return answer


def _late(result: object, timeout: float) -> DNSAnswer:
    raise Unavailable(LATE)
