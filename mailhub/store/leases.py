"""Leases as a process has them: who wants each, and until when it is sure to hold it.

How they are come by is a store's own: the embedded one is alone and has them all. No database and
no timer is known here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from socket import gethostname

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailhub import __version__
from mailhub.model.errors import StaleLease
from mailhub.model.node import Fence, Node, NodeState
from mailhub.store.sql import Cursor, number

End = Callable[[], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Something that is done under a lease."""

    begin: Callable[[], None]
    end: End


class OneLease:
    """`ports.leases.Lease`. `seconds`: a monotonic clock."""

    _log = Logger()

    def __init__(self, name: str, seconds: Callable[[], float]) -> None:
        self.name = name
        self._seconds = seconds
        self._parts: list[_Part] = []
        self._number = 0
        self._until = -inf
        self._given = False
        """Whether the parts have begun."""
        self._leaving = False

    @property
    def fence(self) -> Fence | None:
        return Fence(self.name, self._number) if self._number else None

    @property
    def wanted(self) -> bool:
        """Whether anything is to be done under it."""
        return bool(self._parts)

    @property
    def until(self) -> float:
        """When it is over, by the monotonic clock."""
        return self._until

    def held(self) -> bool:
        return self._seconds() < self._until

    def watch(self, begin: Callable[[], None], end: End) -> Callable[[], None]:
        part = _Part(begin, end)
        self._parts.append(part)
        if self._given and self.held():
            begin()
        return lambda: self._parts.remove(part) if part in self._parts else None

    def grant(self, number: int, until: float) -> None:
        """It is ours until then; `number`: which turn, 0 where nobody counts them."""
        if self._given and number != self._number:
            self.lose()
        self._number, self._until = number, until
        if not self._given and not self._leaving and self.held():
            self._given = True
            for part in tuple(self._parts):
                part.begin()

    def lose(self) -> None:
        """It is over: what is done under it ends by itself, and is not waited for."""
        self._until = -inf
        self._end()

    async def leave(self) -> None:
        """What is done under it ends for good, and is waited for, while it is still held."""
        self._leaving = True
        await gatherResults(self._end())
        self._until = -inf

    def _end(self) -> list[Deferred[None]]:
        if not self._given:
            return []
        self._given = False
        return [
            Deferred.fromCoroutine(_ended(part.end)).addErrback(self._failed)
            for part in tuple(self._parts)
        ]

    def _failed(self, failure: Failure) -> None:
        self._log.failure(
            "What was done under the lease {name} did not end", failure, name=self.name
        )


async def _ended(end: End) -> None:
    waited = end()
    if waited is not None:
        await waited


class AllLeases:
    """`ports.leases.Leases` by name."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._known: dict[str, OneLease] = {}

    def lease(self, name: str) -> OneLease:
        lease = self._known.get(name)
        if lease is None:
            lease = self._known[name] = OneLease(name, self._seconds)
        return lease

    @property
    def wanted(self) -> Sequence[str]:
        """Names of those under which anything is to be done."""
        return [lease.name for lease in self._known.values() if lease.wanted]

    @property
    def turns(self) -> Mapping[str, bool]:
        """Those, and whether each is held."""
        return {name: self._known[name].held() for name in self.wanted}

    def grant(self, numbers: Mapping[str, int], until: float) -> None:
        """These are ours until then, by the number of their turn; others that were are lost."""
        for lease in tuple(self._known.values()):
            turn = numbers.get(lease.name)
            if turn is None:
                lease.lose()
            else:
                lease.grant(turn, until)

    def check(self) -> None:
        """Those whose time is over are lost."""
        for lease in tuple(self._known.values()):
            if not lease.held():
                lease.lose()

    async def leave(self) -> None:
        """Everything that is done under any of them has ended."""
        waiting = [Deferred.fromCoroutine(lease.leave()) for lease in self._known.values()]
        await gatherResults(waiting)


class Alone:
    """`ports.leases.Nodes` of a store that one process has for itself: it has every lease. `now`:
    epoch seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.leases = _Everything()
        self.known = 1
        self._now = now
        began = int(now() * 1000)
        host = gethostname()
        self._node = Node(host, host, __version__, 0, NodeState.STARTING, began, began, own=True)

    @property
    def held(self) -> int:
        return len(self.leases.wanted) if self.leases.given else 0

    @property
    def turns(self) -> Mapping[str, bool]:
        return dict.fromkeys(self.leases.wanted, self.leases.given)

    async def all(self) -> Sequence[Node]:
        holds = tuple(sorted(self.leases.wanted)) if self.leases.given else ()
        return [replace(self._node, seen=int(self._now() * 1000), holds=holds)]

    async def start(self, addresses: Sequence[str], dismissed: Callable[[str], None]) -> None:
        self._node = replace(self._node, addresses=tuple(addresses))

    async def serving(self) -> None:
        self._become(NodeState.SERVING)

    async def drain(self) -> None:
        self._become(NodeState.DRAINING)
        await self.leases.leave()

    async def drained(self) -> None:
        self._become(NodeState.DRAINED)

    async def stop(self) -> None:
        await self.leases.leave()

    def _become(self, state: NodeState) -> None:
        self._node = replace(self._node, state=state)


class _Everything(AllLeases):
    """Each is had from its first mention on, until all are given back."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.given = True

    def lease(self, name: str) -> OneLease:
        lease = super().lease(name)
        if self.given and not lease.held():
            lease.grant(0, inf)
        return lease

    async def leave(self) -> None:
        self.given = False
        await super().leave()


def check(cursor: Cursor, fence: Fence | None) -> None:
    """For a commit: whether what is written may be. Raises StaleLease where another turn of the
    lease has begun."""
    if fence is None:
        return
    newest = number(cursor, "SELECT fence FROM lease WHERE name = :name", {"name": fence.name})
    if newest != fence.number:
        raise StaleLease
