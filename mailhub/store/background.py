"""Work that no caller waits for, in small commits between theirs: sweeps, purges, compaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mailhub.model.change import AccountChanged, Change, Expunged, MailboxChanged
from mailhub.model.errors import MailhubError
from mailhub.ports.leases import Lease, LeaseLost, under
from mailhub.store import authlog, filters, moves, removals, retention, sessions, sign_ins, sweeps
from mailhub.store.transaction import Transaction

SWEEPS = "sweeps"
"""The lease under which it is done."""
INTERVAL = 60.0
FULL_INTERVAL = 10.0
"""Seconds between rounds; and while the disk is full."""
ROUND = (
    removals.purge,
    sweeps.step,
    retention.expire,
    sweeps.purge_handovers,
    filters.purge_marks,
    sessions.purge,
    sign_ins.purge,
    authlog.purge,
)
"""What is done in each round, bounded steps each. What is swept first is not looked at again."""


class Timer(Protocol):
    """What this asks of the reactor."""

    def callLater(self, delay: float, call: Callable[[], object]) -> IDelayedCall: ...


class Writing(Protocol):
    """What this asks of a runner."""

    def write(self, work: Callable[[Transaction], bool]) -> Awaitable[bool]: ...


class Background:
    """Goes round once a minute, and at once when there is something to sweep; only while `lease` is
    held."""

    _log = Logger()

    def __init__(
        self,
        reactor: Timer,
        runner: Writing,
        compact: Callable[[], Coroutine[Any, Any, None]],
        full: Callable[[], bool],
        lease: Lease,
    ) -> None:
        self._lease = lease
        self._unwish: Callable[[], None] = lambda: None
        self._reactor = reactor
        self._runner = runner
        self._compact = compact
        self._full = full
        self._timer: IDelayedCall | None = None
        self._going: Deferred[None] | None = None
        self._again = False
        self._stopped = True

    def start(self) -> None:
        """Begins with what an earlier process left."""
        self._unwish = self._lease.watch(self._begin, self._end)

    def stop(self) -> None:
        """Nothing new is begun; the step under way ends by itself."""
        self._unwish()
        self._end()

    def _begin(self) -> None:
        self._stopped = False
        self._go()

    def _end(self) -> None:
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def heard(self, changes: Sequence[Change]) -> None:
        """A watcher: removals and large expunges leave something to sweep."""
        for change in changes:
            match change:
                case AccountChanged(what="removed") | MailboxChanged(what="deleted"):
                    self._go()
                case Expunged(uids=uids) if len(uids) > moves.SWEEP_LATER:
                    self._go()

    def _go(self) -> None:
        if self._stopped:
            return
        if self._going is not None:
            self._again = True
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._going = Deferred.fromCoroutine(under(self._lease, self._round()))
        self._going.addErrback(self._failed).addCallback(self._rest)

    async def _round(self) -> None:
        for work in ROUND:
            while not self._stopped and await self._runner.write(work):
                continue
        if not self._stopped:
            await self._compact()

    def _failed(self, failure: Any) -> None:
        # A full or failing disk: the next round tries again.
        if not failure.check(MailhubError, LeaseLost):
            self._log.failure("Background work of the store failed", failure)

    def _rest(self, _: object) -> None:
        self._going = None
        if self._stopped:
            return
        again, self._again = self._again, False
        if again:
            self._go()
        else:
            delay = FULL_INTERVAL if self._full() else INTERVAL
            self._timer = self._reactor.callLater(delay, self._go)
