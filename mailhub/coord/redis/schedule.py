"""The queue's schedule over Redis: the rules are in `lua/*.lua`, this asks for them.

Values go as JSON, lane names in hex, times by the server's clock, so that processes whose clocks
differ agree on what is due and when a lease ends. May not decide anything about an entry.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mailhub.coord.limits import PAGE, PATIENCE, PROMOTED, ScheduleLimits, bounded
from mailhub.coord.redis.scripts import Asks, Script
from mailhub.coord.redis.wire import Reply
from mailhub.model.errors import Unavailable
from mailhub.model.queue import Lease, Slot
from mailhub.ports import Clock

KEYS = (
    "state",
    "entries",
    "waiting",
    "ready",
    "later",
    "busy",
    "served",
    "back_offs",
    "leases",
    "held",
    "marks",
)
"""In the order in which `schedule.lua` names them; one hash tag keeps them in one Cluster slot."""
VERBS = (
    "arrive",
    "back_off",
    "claim",
    "claim_rebuild",
    "drop",
    "end",
    "leased",
    "next_due",
    "pause",
    "put",
    "rebuilt",
    "renew",
    "size",
    "take",
)
SCRIPTS = {verb: Script(verb, prelude="schedule") for verb in VERBS}
MICROSECONDS = 1_000_000


class RedisSchedule:
    """`ports.Schedule`. `quiet`: seconds, the longest lease and the pause after a loss.
    `unnoticed`: seconds besides, for which others may have leases of a server that was passed over.
    `lone`: there is but one server, so nobody has newer leases of another. `server`: the run id of
    the one connected. `now`: epoch seconds in place of Redis's own."""

    def __init__(
        self,
        link: Asks,
        clock: Clock,
        limits: ScheduleLimits,
        *,
        prefix: str,
        quiet: float,
        server: Callable[[], str],
        unnoticed: float = 0.0,
        lone: bool = False,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._quiet = quiet
        self._pause = quiet + unnoticed
        self._lone = lone
        self._server = server
        self._now = now
        self.channel = f"{{{prefix}}}:wake"
        """What `wake` is called for is told here, to all processes."""
        self._keys = tuple(f"{{{prefix}}}:{key}" for key in KEYS)
        self._common: dict[str, Any] = {
            "lane": limits.lane,
            "total": limits.total,
            "wake": self.channel,
            "patience": PATIENCE,
        }
        self._newest = 0
        self._claim = ""
        self._watchers: list[Callable[[], None]] = []

    # -- entries

    async def put(self, slots: Sequence[Slot]) -> None:
        """See `ports.Schedule`."""
        unique = list({slot.number: slot for slot in slots}.values())
        for page in _pages(unique):
            await self._run("put", slots=_texts(page), claim=self._claim or None)

    async def add(self, slots: Sequence[Slot]) -> None:
        """See `ports.Schedule`."""
        unique = list({slot.number: slot for slot in slots}.values())
        for page in _pages(unique):
            await self._run("put", slots=_texts(page), unknown=True)

    async def drop(self, numbers: Sequence[int]) -> None:
        """See `ports.Schedule`."""
        for page in _pages(numbers):
            await self._run("drop", numbers=[str(number) for number in page])

    async def size(self) -> int:
        """Entries waiting and leased."""
        return int(await self._run("size"))

    async def leased(self, numbers: Sequence[int]) -> frozenset[int]:
        """See `ports.Schedule`."""
        found: set[int] = set()
        for page in _pages(numbers):
            reply = await self._run("leased", numbers=[str(number) for number in page])
            found.update(map(int, json.loads(reply)))
        return frozenset(found)

    # -- leases

    async def take(self, leases: int, entries: int, seconds: float) -> Sequence[Lease]:
        """See `ports.Schedule`. No lease is longer than `quiet`."""
        if leases < 1 or entries < 1:
            return []
        seconds = min(seconds, self._quiet)
        expires = self._clock.seconds() + seconds  # of before the question, to be on the safe side
        reply = await self._run(
            "take",
            leases=leases,
            entries=min(entries, PAGE),
            seconds=seconds,
            promoted=PROMOTED,
        )
        given = [
            Lease(int(token), _name(lane), tuple(map(int, numbers)), expires)
            for token, lane, numbers in json.loads(reply)
        ]
        self._newest = max([self._newest, *(lease.token for lease in given)])
        return given

    async def claim(self, numbers: Sequence[int], seconds: float) -> Lease:
        """See `ports.Schedule`. At most 1,000 entries are claimed at once; raises Unavailable
        while leases from before a loss may still be alive."""
        seconds = min(seconds, self._quiet)
        expires = self._clock.seconds() + seconds
        wanted = [str(number) for number in dict.fromkeys(numbers)][:PAGE]
        if not wanted:
            return Lease(0, "", (), expires)
        reply = await self._run("claim", numbers=wanted, seconds=seconds)
        if not reply:
            raise Unavailable
        token, claimed = json.loads(reply)
        self._newest = max(self._newest, int(token))
        return Lease(int(token), "", tuple(map(int, claimed)), expires)

    async def renew(self, token: int, seconds: float) -> bool:
        """See `ports.Schedule`."""
        seconds = min(seconds, self._quiet)
        return bool(await self._run("renew", token=str(token), seconds=seconds))

    async def end(self, token: int, again: Sequence[Slot]) -> None:
        """See `ports.Schedule`."""
        await self._run("end", token=str(token), again=_texts(again))

    async def back_off(self, lane: str, until: int) -> None:
        """See `ports.Schedule`."""
        await self._run("back_off", name=_hex(lane), until=bounded(until))

    # -- time

    async def next_due(self) -> int | None:
        """See `ports.Schedule`."""
        due = await self._run("next_due")
        return int(due) if due else None

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `ports.Schedule`."""
        self._watchers.append(wake)
        return lambda: self._watchers.remove(wake)

    def wake(self) -> None:
        """Tells the watchers of this process; the connection's owner calls it."""
        for watcher in tuple(self._watchers):
            watcher()

    # -- rebuilding

    async def claim_rebuild(self) -> bool:
        """See `ports.Schedule`."""
        claim = await self._run("claim_rebuild", server=self._server(), quiet=self._pause)
        if claim:
            self._claim = bytes(claim).decode("ascii")
        return bool(claim)

    async def pause(self, newest: int) -> None:
        """See `ports.Schedule`."""
        if self._lone and self._claim:
            await self._run("pause", claim=self._claim, newest=str(newest))

    async def rebuilt(self) -> None:
        """See `ports.Schedule`."""
        claim, self._claim = self._claim, ""
        if claim:
            await self._run("rebuilt", claim=claim)

    async def arrive(self, wire: Asks, server: str) -> bool:
        """Makes the acquaintance of the server behind a new connection; whether it knows the
        schedule, which `claim_rebuild` asks for otherwise."""
        return bool(await self._run("arrive", wire, server=server))

    async def known(self) -> bool:
        """Whether the schedule is still there. The cheapest of all questions."""
        return bool(await self._link.ask("HEXISTS", self._keys[0], "claim"))

    async def _run(self, verb: str, link: Asks | None = None, **ask: Any) -> Reply:
        ask = {**self._common, "floor": self._newest} | ask
        if self._now is not None:
            ask["now"] = int(self._now() * MICROSECONDS)
        ask = {name: value for name, value in ask.items() if value is not None}
        return await SCRIPTS[verb].run(link or self._link, self._keys, ask)


def _pages(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


def _texts(slots: Sequence[Slot]) -> list[tuple[str, str, str]]:
    return [(str(slot.number), f"{bounded(slot.due):012d}", _hex(slot.lane)) for slot in slots]


def _hex(lane: str) -> str:
    return lane.encode().hex()


def _name(text: str) -> str:
    return bytes.fromhex(text).decode()
