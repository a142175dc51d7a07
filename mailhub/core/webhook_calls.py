"""Tells webhooks of events: each at least once, and those of one account in their order.

The journal is the queue, and a webhook's place in it is all that is kept: after a crash it goes on
there. A window of events is told at a time, accounts side by side; the place moves when all of it
was told. A server that does not answer is asked again and again, at growing intervals, until an
event is too old; one that refuses a single event is asked a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import takewhile
from typing import Any

from mailhub.core.background import spawn
from mailhub.core.webhooks import request
from mailhub.model.change import AccountChanged, Actor, Change, Missed, WebhooksChanged
from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.event import Event, Place
from mailhub.model.settings import WebhookSettings
from mailhub.model.webhook import Webhook
from mailhub.ports import Clock, Log, Storage, Together, Web
from mailhub.ports.leases import Turn, current, within

WINDOW = 200
"""Events that are read at once."""
GATHER = 0.05
"""Seconds in which changes are waited for, so that a busy store is not read at each of them."""
SAVE = 60.0
"""Seconds after which a place is kept that only events moved which nobody wants."""
REFUSALS = 5
"""Times an event is offered to a server that says it is wrong."""
REFUSED = frozenset({400, 405, 406, 409, 410, 411, 413, 414, 415, 422})
"""Statuses about the one request; all others may be about the server."""
BREATH = 0.05
GRACE = 2.0
"""Seconds in which requests under way may end when the server stops."""
GONE = Actor(source="end of account")


class Phase(Enum):
    """NEW → RUNNING → STOPPING (nothing new begins) → ENDED → RUNNING, in another turn."""

    NEW = auto()
    RUNNING = auto()
    STOPPING = auto()
    ENDED = auto()


@dataclass(slots=True)
class _Told:
    """One webhook while this process tells it. `window`: places of the events that are told now;
    `done`: those of them that need not be told again; `offered`: how often those were that the
    server refused. `failures`: in a row."""

    hook: Webhook
    place: Place
    saved: Place
    saved_at: float
    failing: int = 0
    failures: int = 0
    busy: bool = False
    again: bool = False
    gone: bool = False
    window: Sequence[Place] = ()
    done: set[Place] = field(default_factory=set)
    offered: dict[Place, int] = field(default_factory=dict)

    @property
    def reached(self) -> Place:
        """Up to where nothing is left to tell."""
        told = takewhile(lambda place: place in self.done, self.window)
        return max(told, default=self.place)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an event could not be told. `rest`: seconds that the server asks for."""

    text: str
    rest: int = 0
    refused: bool = False


class WebhookCalls:
    """Tells every webhook of this server."""

    def __init__(
        self,
        storage: Storage,
        web: Web,
        together: Together,
        clock: Clock,
        log: Log,
        settings: WebhookSettings,
    ) -> None:
        self._storage = storage
        self._web = web
        self._together = together
        self._clock = clock
        self._log = log
        self._settings = settings
        self._phase = Phase.NEW
        self._told: dict[int, _Told] = {}
        self._waiting = False
        self._unhear: Callable[[], None] | None = None
        self._turn: Turn | None = None
        """That it was started in: all that it does belongs to it."""

    # -- beginning and end

    async def start(self) -> None:
        """Goes on where each was told last."""
        self._phase = Phase.RUNNING
        self._turn = current()
        self._waiting = False
        self._unhear = self._storage.watch(self._heard)
        await self._look()

    async def stop(self) -> None:
        """Nothing new is told; what is under way has a while for its answer."""
        self._phase = Phase.STOPPING
        if self._unhear is not None:
            self._unhear()
        until = self._clock.seconds() + GRACE
        while any(one.busy and not one.failures for one in self._told.values()):
            if self._clock.seconds() >= until:
                break
            await self._clock.sleep(BREATH)
        for one in self._told.values():
            await self._save(one, one.hook.failure)
            one.gone = True  # what still waits here must not go on beside who tells it next
        self._told.clear()
        self._phase = Phase.ENDED

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        spawn(within(self._turn, work), self._log, "webhooks")

    # -- what happens meanwhile

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, (WebhooksChanged, Missed)):
                self._spawn(self._look())
            elif isinstance(change, AccountChanged) and change.what == "removed":
                self._leave(change.account)
        if self._told and not self._waiting:
            self._waiting = True
            self._spawn(self._wake())

    async def _wake(self) -> None:
        await self._clock.sleep(GATHER)
        self._waiting = False
        for one in tuple(self._told.values()):
            self._go(one)

    def _leave(self, account: int) -> None:
        """What an account that is gone was told of goes with it."""
        for one in self._told.values():
            if one.hook.account == account:
                self._spawn(self._remove(one.hook.number))

    async def _remove(self, number: int) -> None:
        try:
            await self._storage.webhooks.remove(number, GONE)
        except NotFound:
            return

    async def _look(self) -> None:
        """Learns which there are, and where each stands."""
        hooks = {hook.number: hook for hook in await self._storage.webhooks.all()}
        now = self._clock.seconds()
        for number in [number for number in self._told if number not in hooks]:
            self._told.pop(number).gone = True
        for number, hook in hooks.items():
            known = self._told.get(number)
            if known is not None and known.hook.turned == hook.turned:
                continue
            if known is not None:
                known.gone = True
            self._told[number] = _Told(hook, hook.place, hook.place, now, hook.failing)
            self._go(self._told[number])

    # -- one webhook

    def _go(self, one: _Told) -> None:
        if self._phase is not Phase.RUNNING or one.gone:
            return
        if one.busy:
            one.again = True
            return
        one.busy = True
        self._spawn(self._tell(one))

    async def _tell(self, one: _Told) -> None:
        """All that there is to tell."""
        try:
            while self._phase is Phase.RUNNING and not one.gone:
                one.again = False
                try:
                    more = await self._step(one)
                except MailhubError as error:  # of the store
                    await self._rest(one, _Failure(error.text), 0)
                    more = True
                if not more and not one.again:
                    return
        finally:
            one.busy = False

    async def _step(self, one: _Told) -> bool:
        """Tells a window of events; whether there is more to do."""
        page = await self._storage.events.page(one.place, account=one.hook.account, limit=WINDOW)
        wanted = [event for event in page.events if one.hook.wants(event.type, event.account)]
        one.window = [event.place for event in wanted]
        failure = await self._window(one, wanted)
        if failure is not None:
            await self._save(one, failure.text)
            await self._rest(one, failure, failure.rest)
            return True
        one.place = page.place
        one.failures = one.failing = 0
        one.window = ()
        one.done.clear()
        one.offered.clear()
        if wanted or self._clock.seconds() >= one.saved_at + SAVE:
            await self._save(one, "")
        return page.more

    async def _window(self, one: _Told, wanted: Sequence[Event]) -> _Failure | None:
        """None where all of them are told, or given up."""
        queues: dict[int, list[Event]] = {}
        for event in wanted:
            if event.place not in one.done:
                queues.setdefault(event.account, []).append(event)
        if not queues:
            return None
        width = min(self._settings.together, len(queues))
        lanes = [list(queues.values())[start::width] for start in range(width)]
        failures = await self._together([self._lane(one, lane) for lane in lanes])
        return max(
            (failure for failure in failures if failure is not None),
            key=lambda failure: failure.rest,
            default=None,
        )

    async def _lane(self, one: _Told, lane: Sequence[Sequence[Event]]) -> _Failure | None:
        """Tells accounts one after the other; of each the events in order, up to one that cannot
        be told. What a server refuses of one account says nothing about the others."""
        problem: _Failure | None = None
        for queue in lane:
            failure = await self._queue(one, queue)
            problem = failure or problem
            if failure is not None and not failure.refused:
                break
        return problem

    async def _queue(self, one: _Told, queue: Sequence[Event]) -> _Failure | None:
        for event in queue:
            if self._phase is not Phase.RUNNING or one.gone:
                return _Failure("The server stopped")
            failure = await self._one(one, event)
            if failure is not None and not self._given_up(one, event, failure):
                return failure
            one.done.add(event.place)
        return None

    async def _one(self, one: _Told, event: Event) -> _Failure | None:
        now = self._clock.now()
        try:
            answer = await self._web.ask(
                request(one.hook, event, now, float(self._settings.timeout))
            )
        except MailhubError as error:
            return _Failure(error.text)
        if answer.is_fine:
            return None
        refused = answer.status in REFUSED
        return _Failure(f"It answers {answer.status}", answer.retry_after, refused)

    def _given_up(self, one: _Told, event: Event, failure: _Failure) -> bool:
        """Whether the event is left out: refused too often, or failing for too long."""
        now = int(self._clock.now())
        one.failing = one.failing or now
        one.offered[event.place] = one.offered.get(event.place, 0) + 1
        refused = failure.refused and one.offered[event.place] >= REFUSALS
        late = now - max(one.failing, event.at) >= self._settings.give_up
        if refused or late:
            self._log.event(
                "webhook",
                outcome="given-up",
                level="warn",
                webhook=one.hook.id,
                event=event.place.text(),
                reason=failure.text,
            )
        return refused or late

    async def _rest(self, one: _Told, failure: _Failure, wanted: int) -> None:
        """Waits after a failure, longer each time."""
        if self._phase is not Phase.RUNNING or one.gone:
            return
        retry = self._settings.retry
        pause = max(retry[min(one.failures, len(retry) - 1)], wanted)
        one.failures += 1
        self._log.event(
            "webhook",
            outcome="failed",
            level="info",
            webhook=one.hook.id,
            reason=failure.text,
            again=pause,
        )
        await self._clock.sleep(pause)

    async def _save(self, one: _Told, failure: str) -> None:
        """Keeps how far it was told, and how it fares."""
        place = one.reached
        if one.gone or (place == one.saved and failure == one.hook.failure):
            return
        since = one.failing if failure else 0
        told = one.hook.told(place, failure, since)
        one.gone = not await self._storage.webhooks.moved(told)
        one.hook, one.saved, one.saved_at = told, place, self._clock.seconds()
