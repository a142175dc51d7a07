"""The server's life: bind as root, become a user, start in order, serve, and stop in reverse.

Knows when things happen; what they are is composed in `tap`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import ILogObserver
from twisted.python.failure import Failure

from mailhub.model.errors import MailhubError
from mailhub.net import privileges
from mailhub.net.clock import install_monotonic
from mailhub.net.folder import DataFolder
from mailhub.net.listeners import Listener
from mailhub.net.log import Observer, Sink, terminal
from mailhub.net.tls import Certificates
from mailhub.ports import Log

GOODBYE = 7.0
"""Seconds that sessions have for the answer in progress and their goodbye; then they are cut."""
BOUND = 10.0
"""Seconds after which a stop that hangs is made an end; the store survives that."""
YOUNG = 7000
"""New objects after which the young ones are looked through for garbage: about a millisecond."""
AGAIN = 1.0
"""Seconds from which on a second request to stop is meant, and not an echo of the first."""


class Phase(Enum):
    """NEW → BOUND (ports and folder are ours) → STARTING → SERVING → STOPPING → ENDED; SERVING →
    DRAINING (nothing new is taken) → DRAINED → STOPPING."""

    NEW = "new"
    BOUND = "bound"
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    DRAINED = "drained"
    STOPPING = "stopping"
    ENDED = "ended"


class Readiness:
    """Whether the server takes work at the moment: what `/health` says."""

    def __init__(self) -> None:
        self.phase = Phase.NEW

    def __call__(self) -> bool:
        """True while it serves."""
        return self.phase is Phase.SERVING


@dataclass(frozen=True, slots=True)
class Step:
    """A part with a beginning and an end; parts start in order and stop in reverse."""

    name: str
    start: Callable[[], Awaitable[None] | None]
    stop: Callable[[], Awaitable[None] | None]


class Early(Protocol):
    """What binds ports besides the listeners, while the process may still be root's."""

    async def open(self) -> None:
        """Raises MailhubError."""
        ...

    def describe(self) -> Sequence[dict[str, object]]:
        """What `var/run/mailhub.json` says of it."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """Every part, made. `open_doors`: called when all have started; it answers when clients may
    come. `steps`: in the order of their start. `serving`: called when it takes work."""

    steps: Sequence[Step]
    open_doors: Callable[[], Awaitable[None]]
    serving: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `tap` laid out. `build`: makes the parts, once ports and folder are ours and root's
    rights are gone; it opens files and may take its time, for nothing runs yet. `drain`: called
    at SIGUSR1."""

    reactor: Any
    folder: DataFolder
    certificates: Certificates
    listeners: Sequence[Listener]
    build: Callable[[], House]
    sink: Sink
    observer: Observer
    log: Log
    readiness: Readiness
    user: str = ""
    early: Sequence[Early] = ()
    drain: Callable[[], None] = lambda: None


class MailServer(Service):
    """The one Twisted service of `twistd mailhub`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._house: House | None = None
        self._started: list[Step] = []
        self._stop_asked = 0.0
        self._ends = "listeners"
        """What is being ended just now."""

    @property
    def _phase(self) -> Phase:
        return self._plan.readiness.phase

    def setServiceParent(self, parent: Any) -> None:
        """Also makes the application log in our format."""
        parent.setComponent(ILogObserver, self._plan.observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    # -- starting

    def privilegedStartService(self) -> None:
        """Everything that needs root. A failure ends the process with one clear line."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        try:
            self._bind()
        except Exception as error:
            self._plan.sink.flush()
            said = traceback.format_exc().rstrip()
            if isinstance(error, MailhubError):
                said = f"mailhub: {error.text}"
            print(said, file=sys.__stderr__)  # Twisted's goes to the log
            raise SystemExit(1) from None

    def _bind(self) -> None:
        plan = self._plan
        install_monotonic(plan.reactor)
        plan.folder.make()
        plan.folder.lock()
        plan.certificates.load()
        for listener in plan.listeners:
            _at_once(listener.open())
        for one in plan.early:
            _at_once(one.open())
        if plan.user and os.getuid() == 0:
            uid, gid = privileges.identity(plan.user)
            plan.folder.give_to(uid, gid)
            privileges.become(uid, gid)
        else:
            privileges.seal()
        self._house = plan.build()
        self._plan.readiness.phase = Phase.BOUND

    def startService(self) -> None:
        """Begins to start the parts; `var/run/mailhub.json` says when that is done."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._phase is Phase.NEW:
            self.privilegedStartService()
        self._plan.readiness.phase = Phase.STARTING
        Deferred.fromCoroutine(self._start()).addErrback(self._failed)

    async def _start(self) -> None:
        plan, house = self._plan, self._house
        assert house is not None
        for step in house.steps:
            self._started.append(step)
            await maybe(step.start())
        if self._phase is not Phase.STARTING:
            return
        plan.certificates.start(plan.reactor)
        plan.reactor.callWhenRunning(self._listen_to_signals)
        await house.open_doors()
        _settle()
        self._plan.readiness.phase = Phase.SERVING
        await house.serving()
        described = [listener.describe() for listener in plan.listeners]
        plan.folder.publish([*described, *(row for one in plan.early for row in one.describe())])
        plan.log.event("start", outcome="ready", pid=os.getpid())

    def _failed(self, failure: Failure) -> None:
        """A part did not start: say so, stop the others, and end with status 1."""
        plan = self._plan
        error = failure.value
        text = error.text if isinstance(error, MailhubError) else failure.getErrorMessage()
        plan.log.event(
            "start", outcome="failed", level="error", reason=text, traceback=failure.getTraceback()
        )
        plan.sink.flush()
        print(f"mailhub: {text}", file=sys.__stderr__)
        plan.reactor.addSystemEventTrigger("after", "shutdown", _exit, 1)
        if plan.reactor.running:
            plan.reactor.stop()
        else:
            plan.reactor.callWhenRunning(plan.reactor.stop)

    def _listen_to_signals(self) -> None:
        """Ours instead of the reactor's: a stop that was asked for is an end with status 0, and
        who asks again does not wait."""
        call = self._plan.reactor.callFromThread
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: call(self._asked_to_stop, number))
        signal.signal(signal.SIGHUP, lambda *_: call(self._reload))
        signal.signal(signal.SIGUSR1, lambda *_: call(self._plan.drain))

    def _asked_to_stop(self, number: int) -> None:
        reactor = self._plan.reactor
        if self._phase is Phase.STOPPING:
            # make, timeout and terminals signal a process and its group: that is one request.
            if reactor.seconds() > self._stop_asked + AGAIN:
                self._overdue()
            return
        self._stop_asked = reactor.seconds()
        self._plan.log.event("stop", outcome="begins", signal=signal.Signals(number).name)
        reactor.stop()

    def _reload(self) -> None:
        self._plan.sink.reopen()
        self._plan.certificates.reload()

    # -- stopping

    def stopService(self) -> Deferred[None]:
        """No new connections, goodbyes, then the parts in reverse; never longer than BOUND."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._plan.readiness.phase = Phase.STOPPING
        plan = self._plan
        end = plan.reactor.callLater(BOUND, self._overdue)
        stopped = Deferred.fromCoroutine(self._stop())

        def ended(result: Any) -> None:
            self._plan.readiness.phase = Phase.ENDED
            if end.active():
                end.cancel()
            if isinstance(result, Failure):
                plan.log.event("stop", outcome="failed", reason=result.getErrorMessage())
            plan.log.event("stop", outcome="done")
            plan.sink.flush()

        return stopped.addBoth(ended)

    async def _stop(self) -> None:
        plan = self._plan
        plan.folder.withdraw()
        plan.certificates.stop()
        for listener in plan.listeners:
            await self._ending(listener.settings.endpoint, listener.close)
            listener.retire()
        emptied = DeferredList([listener.emptied() for listener in plan.listeners])
        await within(plan.reactor, emptied, GOODBYE)
        for listener in plan.listeners:
            listener.abort()
        for step in reversed(self._started):
            await self._ending(step.name, step.stop)
        plan.folder.unlock()

    async def _ending(self, name: str, end: Callable[[], Awaitable[None] | None]) -> None:
        """One part's end; when it fails the others still have theirs."""
        self._ends = name
        try:
            await maybe(end())
        except Exception as error:
            self._plan.log.event(
                "stop", part=name, outcome="failed", level="warn", reason=str(error)
            )

    def _overdue(self) -> None:
        self._plan.log.event("stop", outcome="overdue", part=self._ends, level="error")
        self._plan.sink.flush()
        _exit(1)


def _settle() -> None:
    """What the start made stays: it is not looked through again for garbage.

    Modules, settings and listeners are 80,000 objects, and a full collection of them held the
    reactor for 50 ms. The young generation is ten times as large as by default: with the messages
    of fifty sessions in flight each of its collections found nearly everything in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)


def _exit(status: int) -> None:
    """Ends the process though threads may hang: what was acknowledged is on the disk."""
    out = terminal()
    if out is not None:
        out.flush()
    os._exit(status)


def _at_once(coroutine: Any) -> None:
    """Runs what must be done before the reactor runs. Raises what it raises."""
    done = Deferred.fromCoroutine(coroutine)
    failures: list[Failure] = []
    done.addErrback(failures.append)
    if failures:
        failures[0].raiseException()
    if not done.called:
        raise MailhubError("an endpoint needs the reactor to listen; give an address it has")


async def maybe(result: Awaitable[None] | None) -> None:
    """Waits where there is something to wait for."""
    if result is not None:
        await result


async def within(reactor: Any, waited: Deferred[Any], seconds: float) -> None:
    """Waits for `waited`, and no longer than `seconds`."""
    done: Deferred[None] = Deferred()

    def finish(_: object = None) -> None:
        if not done.called:
            done.callback(None)

    timer = reactor.callLater(seconds, finish)
    waited.addBoth(finish)
    await done
    if timer.active():
        timer.cancel()
