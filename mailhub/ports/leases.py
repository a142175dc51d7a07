"""What one node at a time does, and how work knows that its turn is over.

Work that is done under a lease is driven by `under`: each time it goes on after it waited, it is
asked first whether the lease is still held. So a process that was stopped for longer than its lease
lasted notices before it does anything else. What it writes carries the fence of its turn (`fence`),
which the store checks in the commit: also what was on its way already changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
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
    @property
    def known(self) -> int:
        """Processes that were live when last counted."""
        ...

    @property
    def held(self) -> int:
        """Leases that this process has."""
        ...

    @property
    def turns(self) -> Mapping[str, bool]:
        """The leases that this process wants, by name, and whether it has each."""
        ...

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


class Turn:
    """One turn of a lease, from the moment on when it is made: it is over with the first moment in
    which the lease is not held, though it may be held again later."""

    def __init__(self, lease: Lease) -> None:
        self.fence = lease.fence
        self._lease = lease

    def held(self) -> bool:
        """Whether it is not over."""
        return self._lease.held() and self._lease.fence == self.fence


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


def current() -> Turn | None:
    """The turn that what runs just now is done in."""
    return _current.get()


def fence() -> Fence | None:
    """What a write that is asked for just now has to carry."""
    turn = _current.get()
    return None if turn is None else turn.fence


async def under(lease: Lease, work: Coroutine[Any, Any, T]) -> T:
    """Does `work` as long as the lease is held. Raises LeaseLost where it is lost: into the work,
    which may still clean up, and out of it."""
    return await within(Turn(lease), work)


def within(turn: Turn | None, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """The same, in a turn that has begun already; in none, it is just done."""
    return work if turn is None else _drive(turn, work, turn.held)


def ending(turn: Turn | None, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """What ends something when its turn may be over: it is done, and what it writes carries the
    turn's fence."""
    return work if turn is None else _drive(turn, work, lambda: True)


def carried(work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Work that is begun beside what runs just now, in the same turn if there is one."""
    return within(_current.get(), work)


async def _drive(turn: Turn, work: Coroutine[Any, Any, T], may: Callable[[], bool]) -> T:
    result: T = await _Driven(turn, work, may)
    return result


class _Driven:
    """Steps through a coroutine."""

    def __init__(self, turn: Turn, work: Coroutine[Any, Any, Any], may: Callable[[], bool]) -> None:
        self._turn = turn
        self._work = work
        self._may = may

    def __await__(self) -> Generator[Any, Any, Any]:
        work = self._work
        lost = False
        step = _sending(work, None)
        while True:
            if not lost and not self._may():
                lost = True
                step = _raising(work, LeaseLost())
            token = _current.set(self._turn)
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
