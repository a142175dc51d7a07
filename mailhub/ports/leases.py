"""What one node at a time does, and how work knows that its turn is over.

Work that is done under a lease is driven by `under`: each time it goes on after it waited, it is
asked first whether the lease is still held. So a process that was stopped for longer than its lease
lasted notices before it does anything else. What it writes carries the lease's fence (`current`),
which the store checks in the commit: also what was on its way already changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from mailhub.model.node import Fence, Node

T = TypeVar("T")


class LeaseLost(BaseException):
    """Raised into work whose lease is over; not an error, so `except Exception` lets it pass."""


class Lease(Protocol):
    """The right to do one thing, as far as this process has it."""

    @property
    def fence(self) -> Fence | None:
        """Which turn it is; None where there can be no other node, or it is not held."""
        ...

    def held(self) -> bool:
        """Whether nobody else can have it just now. Cheap; knows how late it is."""
        ...

    def watch(
        self, begin: Callable[[], None], end: Callable[[], Awaitable[None] | None]
    ) -> Callable[[], None]:
        """From now on this process wants the lease. `begin`: called each time it is given it, at
        once where it has it; `end`: each time it has it no more, or is to give it back, which waits
        until that is done. What is returned ends the wish."""
        ...


class Leases(Protocol):
    """All leases of this process."""

    def lease(self, name: str) -> Lease:
        """The one of this name."""
        ...


class Nodes(Protocol):
    """The processes that share the store."""

    @property
    def leases(self) -> Leases: ...
    async def all(self) -> Sequence[Node]:
        """Every process that is known, the oldest first. Raises Unavailable."""
        ...

    async def start(self, addresses: Sequence[str], dismissed: Callable[[str], None]) -> None:
        """Joins them; `addresses`: where this one is reached. Leases are had from here on.
        `dismissed`: called where it may not go on, with why. Raises InUse where there may be only
        one and another is there, Unavailable."""
        ...

    async def serving(self) -> None:
        """This one takes work."""
        ...

    async def drain(self) -> None:
        """Gives all leases back, when what is done under them has ended, and wants no more."""
        ...

    async def drained(self) -> None:
        """This one has nothing left to do."""
        ...

    async def stop(self) -> None:
        """Leaves. Never raises."""
        ...


_current: ContextVar[Lease | None] = ContextVar("lease", default=None)


def current() -> Lease | None:
    """The lease that what runs just now is done under."""
    return _current.get()


def fence() -> Fence | None:
    """What a write that is asked for just now has to carry."""
    lease = _current.get()
    return None if lease is None else lease.fence


async def under(lease: Lease, work: Coroutine[Any, Any, T]) -> T:
    """Does `work` as long as the lease is held. Raises LeaseLost where it is lost: into the work,
    which may still clean up, and out of it."""
    result: T = await _Driven(lease, work)
    return result


def carried(work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Work that is begun beside what runs just now, under the same lease if there is one."""
    lease = _current.get()
    return work if lease is None else under(lease, work)


class _Driven:
    """Steps through a coroutine."""

    def __init__(self, lease: Lease, work: Coroutine[Any, Any, Any]) -> None:
        self._lease = lease
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        work = self._work
        lost = False
        step = _sending(work, None)
        while True:
            if not lost and not self._lease.held():
                lost = True
                step = _raising(work, LeaseLost())
            token = _current.set(self._lease)
            try:
                waited = step()
            except StopIteration as ended:
                return ended.value
            finally:
                _current.reset(token)
            try:
                result = yield waited
            except BaseException as error:
                step = _raising(work, error)
            else:
                step = _sending(work, result)


def _sending(work: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _raising(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)
