"""The work of one lease: its entries are loaded, tried, and what became of them is recorded.

Each transaction's outcome is committed before the next one of the lease begins, so that a crash
leaves at most one answered transaction a lease unrecorded. When leases are taken is `runner`'s;
what becomes of an entry is `plan`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.core.addresses import Addresses
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.queue import Notices, record
from mailhub.model.change import Actor
from mailhub.model.elsewhere import ELSEWHERE_LANES
from mailhub.model.errors import Corrupt, MailhubError, StorageFull, Unavailable
from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import (
    PROGRAM_LANE,
    RELAY_LANES,
    WEB_LANES,
    Lease,
    Outcome,
    QueueEntry,
    QueueMessage,
    Slot,
    Suppression,
)
from mailhub.model.settings import QueueSettings
from mailhub.model.tlsreport import TLSReport
from mailhub.ports import (
    Clock,
    Log,
    Message,
    Outbound,
    Programs,
    Randomness,
    Schedule,
    Storage,
)
from mailhub.queue import elsewhere, plan
from mailhub.queue.grouping import groups
from mailhub.queue.lanes import Lanes
from mailhub.queue.originals import SMALL, TOGETHER, Original, Prefixed, Prefixes, originals
from mailhub.queue.plan import Via
from mailhub.queue.suppression import Suppressions
from mailhub.queue.ways import Choice, Way, Ways

ACTOR = Actor(source="queue")
AGAIN = 2.0
"""Seconds until a record that could not be written is written again."""
TROUBLE = 60
"""Seconds until entries are tried again that a fault of ours kept from being tried."""
EARLY = 1.0
"""Seconds before its end from which on a lease is not relied upon."""
LOGGED = 300
"""Characters of a reply that the log has; the journal has it whole."""
HERE = Via(final=True)
NOBODY = Via()


class Homecoming(Protocol):
    """Delivers queued mail into mailboxes here."""

    async def deliver(self, entry: QueueEntry, message: Message) -> Answer:
        """Never raises for what may happen to a delivery."""
        ...


class Uploading(Protocol):
    """Posts queued mail to web servers."""

    async def post(self, entry: QueueEntry, message: Message) -> Answer:
        """Never raises for what may happen to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """All that the work of leases needs, made once. `reported`: hears what TLS came to."""

    storage: Storage
    schedule: Schedule
    addresses: Addresses
    ways: Ways
    outbound: Outbound
    home: Homecoming
    programs: Programs
    uploads: Uploading
    prefixes: Prefixes
    notices: Notices
    elsewheres: Elsewheres
    suppressions: Suppressions
    lanes: Lanes
    settings: QueueSettings
    clock: Clock
    randomness: Randomness
    log: Log
    reported: Callable[[Sequence[TLSReport]], None]


class Work:
    """One lease. `began`: monotonic seconds when it was taken; `open`: whether another
    transaction may begin (False: the server stops)."""

    def __init__(self, means: Means, lease: Lease, began: float, open: Callable[[], bool]) -> None:
        self._means = means
        self.lease = lease
        self._open = open
        self._until = began + means.settings.lease - EARLY
        self._lost = False
        self._left: dict[int, Slot] = {}
        self._messages: Mapping[int, QueueMessage] = {}
        self._originals: Mapping[int, Original] = {}
        self._suppressed: Sequence[Suppression] = ()
        self._verdicts: dict[Choice, Sent] = {}
        self._failed: Sent | None = None
        self._reached = False

    # -- the lease

    def holds(self) -> bool:
        """Whether the entries are ours alone, by our own clock."""
        return not self._lost and self._means.clock.seconds() < self._until

    def wants_renewal(self) -> bool:
        """Whether a third of the time is over."""
        left = self._until - self._means.clock.seconds()
        return not self._lost and left < self._means.settings.lease * 2 / 3

    async def renew(self) -> None:
        """Asks for more time. Where nobody answers, the time that is left is all there is."""
        asked = self._means.clock.seconds()
        seconds = self._means.settings.lease
        try:
            if await self._means.schedule.renew(self.lease.token, seconds):
                self._until = asked + seconds - EARLY
            else:
                self.abandon()
        except Unavailable:
            return

    def abandon(self) -> None:
        """Nothing of it may be finished any more, but for what is past its dot."""
        self._lost = True

    async def give_back(self) -> None:
        """Ends the lease: what was not tried waits as it did."""
        try:
            await self._means.schedule.end(self.lease.token, list(self._left.values()))
        except Unavailable:
            return  # it runs out by itself

    # -- the work

    async def run(self) -> None:
        """Tries everything once. Never raises."""
        means = self._means
        try:
            await self._run()
        except MailhubError as error:
            self._postpone(type(error).__name__)
        except Exception as error:
            self._postpone(f"{type(error).__name__}: {error}", level="error")
        if self._failed is not None and not self._reached:
            await self._rest(self._failed)
        elif self._reached and means.lanes.recovered(self.lease.lane):
            means.log.event("lane", outcome="recovered", lane=self.lease.lane)
        await self.give_back()

    def _postpone(self, reason: str, level: str = "warn") -> None:
        self._means.log.event(
            "queue", outcome="postponed", lane=self.lease.lane, reason=reason, level=level
        )
        due = int(self._means.clock.now()) + TROUBLE
        self._left = {
            slot.number: Slot(slot.number, max(slot.due, due), slot.lane)
            for slot in self._left.values()
        }

    async def _rest(self, sent: Sent) -> None:
        means = self._means
        until = means.lanes.failed(self.lease.lane, int(means.clock.now()))
        means.log.event(
            "lane",
            outcome="backs off",
            lane=self.lease.lane,
            until=until,
            reason=sent.answers[0].text,
        )
        try:
            await means.schedule.back_off(self.lease.lane, until)
        except Unavailable:
            return

    async def _run(self) -> None:
        means, lane = self._means, self.lease.lane
        # Known before they are loaded, so that none is forgotten where that fails.
        now = int(means.clock.now())
        self._left = {number: Slot(number, now, lane) for number in self.lease.entries}
        ready = await self._load(now)
        if not ready:
            return
        if lane == PROGRAM_LANE:
            await self._each(ready, self._run_program)
            return
        if lane.startswith(WEB_LANES):
            await self._each(ready, means.uploads.post)
            return
        if lane.startswith(ELSEWHERE_LANES):
            await self._elsewhere(ready)
            return
        if lane.startswith(RELAY_LANES):
            await self._send(ready)
            return
        local = await means.addresses.is_local(lane)
        home = [entry for entry in ready if local or entry.home]
        away = [entry for entry in ready if not (local or entry.home)]
        await self._each(home, means.home.deliver)
        if away:
            await self._send(away)

    async def _load(self, now: int) -> list[QueueEntry]:
        """The entries that may be tried now, in order of their messages."""
        means = self._means
        loaded = await means.storage.queue.load(self.lease.entries, each=SMALL, together=TOGETHER)
        waiting = [entry for entry in loaded.entries if not entry.held]
        self._left = {entry.number: Slot(entry.number, entry.due, entry.lane) for entry in waiting}
        ready = [entry for entry in waiting if entry.due <= now]
        ready.sort(key=lambda entry: (entry.message, entry.number))
        self._messages = loaded.messages
        self._originals = originals(means.storage.blobs, loaded)
        self._suppressed = loaded.suppressed
        return ready

    # -- deliveries that end here

    async def _each(
        self,
        entries: Sequence[QueueEntry],
        deliver: Callable[[QueueEntry, Message], Awaitable[Answer]],
    ) -> None:
        for entry in entries:
            if not (self._open() and self.holds()):
                return
            answer = await deliver(entry, self._originals[entry.message])
            await self._record([self._after(entry, answer, HERE)])

    async def _run_program(self, entry: QueueEntry, message: Message) -> Answer:
        address = await self._means.addresses.find(entry.recipient)
        if address is None or not address.program:
            return Answer(550, "5.1.1", "This address leads to no program any more", Stage.RCPT)
        return await self._means.programs.run(address.program, entry, message)

    async def _elsewhere(self, entries: Sequence[QueueEntry]) -> None:
        """Mail for accounts that another server keeps, or kept when it came."""
        elsewheres = self._means.elsewheres
        accounts = {entry.home for entry in entries}
        with elsewheres.sending(accounts):
            known = await elsewheres.among(accounts)
            parted = elsewhere.parted(entries, known)
            await self._record([self._after(one, told, HERE) for one, told in parted.waiting])
            await self._send(parted.away)
        await self._each(parted.home, self._means.home.deliver)
        left = [entry for entry in entries if entry.number in self._left]
        self._left |= await elsewhere.hastened(self._means.storage, left, known, self._means.clock)

    # -- transactions with other servers

    async def _send(self, entries: Sequence[QueueEntry]) -> None:
        means = self._means
        refused = await means.suppressions.check(entries, self._suppressed)
        known = [entry for entry in entries if entry.number in refused]
        await self._record([self._after(one, refused[one.number], NOBODY) for one in known])
        ways: dict[Choice, Way] = {}
        alike: list[Outcome] = []
        left = [entry for entry in entries if entry.number not in refused]
        most = means.settings.recipients
        async for choice, routes, group in groups(left, most, means.ways.choose):
            if choice not in ways:
                ways[choice] = await means.ways.find(self.lease.lane, routes, *choice[1:])
                means.reported(ways[choice].reports)
            verdict = self._verdicts.get(choice)
            if self.lease.lane.startswith(ELSEWHERE_LANES):
                verdict = self._failed  # however many accounts it has, it is one server
            if verdict is None:
                if not (self._open() and self.holds()):
                    break
                await self._finish(group, await self._transact(group, ways[choice]), choice)
            else:
                # The destination failed as a whole: what waits for it is not tried one by one.
                answer = verdict.answers[0]
                alike += [self._after(entry, answer, plan.via(verdict)) for entry in group]
        await self._record(alike)

    async def _transact(self, group: Sequence[QueueEntry], way: Way) -> Sent:
        means = self._means
        if not way.hops:
            return Sent((way.refusal,) * len(group))
        try:
            sent = await self._sent(group, way)
        except (Unavailable, Corrupt) as error:
            return Sent((Answer(0, "4.3.0", error.text, Stage.MAIL),) * len(group))
        except Exception as error:
            # A defect that one message brings out must not keep the others of its lane waiting.
            reason = f"{type(error).__name__}: {error}"
            numbers = [entry.number for entry in group]
            means.log.event(
                "queue", level="error", outcome="broken", entries=numbers, reason=reason
            )
            return Sent((Answer(0, "4.3.0", "Internal error", Stage.MAIL),) * len(group))
        means.reported(sent.reports)
        return sent

    async def _sent(self, group: Sequence[QueueEntry], way: Way) -> Sent:
        means = self._means
        message = self._messages[group[0].message]
        original = self._originals[message.number]
        prefix = await means.prefixes.of(message, original)
        holds = self.holds
        if self.lease.lane.startswith(ELSEWHERE_LANES):
            prefix = await elsewhere.marked(means.storage, group[0]) + prefix
            holds = lambda: self.holds() and means.elsewheres.goes_on(group[0].home)  # noqa: E731
        whole = Prefixed(prefix, original) if prefix else original
        return await means.outbound.send(way.hops, group[0].sender, group, whole, holds)

    async def _finish(self, group: Sequence[QueueEntry], sent: Sent, choice: Choice) -> None:
        """Records one transaction, and what it says of its destination."""
        if plan.unreached(sent):
            self._verdicts[choice] = self._failed = sent
        elif all(answer.stage is Stage.RESOLVE for answer in sent.answers):
            self._verdicts[choice] = sent
        elif sent.host:
            self._reached = True
        how = plan.via(sent)
        answers = list(zip(group, sent.answers, strict=True))
        await self._record([self._after(entry, answer, how) for entry, answer in answers])
        for entry, answer in answers:
            if answer.permanent:
                await self._means.suppressions.heard(entry, answer)

    # -- what became of it

    def _after(self, entry: QueueEntry, answer: Answer, how: Via) -> Outcome:
        means = self._means
        drawn = 0.0
        if not answer.delivered:  # only then there is a next time, and it is moved about
            drawn = int.from_bytes(means.randomness.token(4), "big") / 2**31 - 1
        now = int(means.clock.now())
        return plan.after(entry, answer, how, now=now, settings=means.settings, jitter=drawn)

    async def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Commits outcomes, again and again while the store cannot and the lease holds. Entries
        that another runner has by now, or that are gone, are left alone."""
        means = self._means
        while outcomes:
            try:
                stale = set(
                    await record(means.storage, means.notices, self.lease.token, outcomes, ACTOR)
                )
            except (Unavailable, StorageFull) as error:
                means.log.event("queue", outcome="not recorded", level="error", reason=error.text)
                if not self.holds():
                    return
                await means.clock.sleep(AGAIN)
                continue
            if not stale:
                break
            means.log.event("queue", outcome="stale", entries=sorted(stale))
            for number in stale:
                self._left.pop(number, None)
            outcomes = [one for one in outcomes if one.entry.number not in stale]
        for outcome in outcomes:
            self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        entry, attempt = outcome.entry, outcome.attempt
        if attempt.due is None:
            self._left.pop(entry.number, None)
        else:
            self._left[entry.number] = Slot(entry.number, attempt.due, entry.lane)
        self._means.log.event(
            "delivery",
            outcome=attempt.result.value,
            entry=entry.number,
            message=entry.message,
            transaction=entry.sender.transaction,
            sender=entry.sender.address,
            recipient=entry.recipient,
            remote=attempt.remote,
            tls=attempt.tls,
            status=attempt.status,
            reply=attempt.reply[:LOGGED],
            attempts=entry.attempts + 1,
            due=attempt.due,
            told=outcome.action.value if outcome.action is not None else None,
        )
