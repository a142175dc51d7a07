"""A queue that runs in memory: the runner over the memory store, with an SMTP client that answers
as the test says and a clock that goes when the test moves it."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from twisted.internet.defer import Deferred

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.core.homecoming import Homecomings
from mailhub.core.queue import Queue
from mailhub.core.srs import SRS
from mailhub.core.uploading import Keys, Uploads
from mailhub.model.change import Actor
from mailhub.model.envelope import ForwardPath
from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import QueueEntry, QueueMessage, QueueSender
from mailhub.model.route import Hop, Route
from mailhub.model.settings import QueueSettings
from mailhub.model.tlsreport import TLSReport
from mailhub.model.uids import UidSet
from mailhub.ports import Message
from mailhub.queue import plan, wording
from mailhub.queue.destination import Destination
from mailhub.queue.lanes import Lanes
from mailhub.queue.lease import Means
from mailhub.queue.notices import ReportNotices
from mailhub.queue.originals import Prefixes
from mailhub.queue.runner import Runner
from mailhub.queue.suppression import Suppressions
from mailhub.queue.ways import Ways
from tests.fakes import FakeClock
from tests.support import run
from tests.world import DOMAIN, HOSTNAME, World, world

ACTOR = Actor(None, "test")
MESSAGE = b"From: joe@example.org\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"
TAKEN = Answer(250, "2.0.0", "Ok", Stage.DOT)
LATER = Answer(451, "4.3.0", "later", Stage.RCPT)
REFUSED = Answer(550, "5.1.1", "nobody of that name", Stage.RCPT)
UNREACHED = Answer(0, "4.4.1", "Connection refused", Stage.CONNECT)
UNKNOWN = Answer(0, "4.4.2", "Connection lost", Stage.DOT, unknown=True)


class TurningClock(FakeClock):
    """Sleepers wake as `advance` passes their time, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, int, Deferred[None]]] = []
        self._numbers = count()

    def sleep(self, seconds: float) -> Awaitable[None]:
        done: Deferred[None] = Deferred()
        heapq.heappush(self._sleepers, (self.seconds() + seconds, next(self._numbers), done))
        return done

    def advance(self, seconds: float) -> None:
        ends = self.seconds() + seconds
        while self._sleepers and self._sleepers[0][0] <= ends:
            at, _, done = heapq.heappop(self._sleepers)
            super().advance(max(0.0, at - self.seconds()))
            done.callback(None)
        super().advance(ends - self.seconds())

    def leap(self, seconds: float) -> None:
        """As `advance`, with everybody asleep meanwhile: for a span in which nothing is due."""
        super().advance(seconds)
        self.advance(0)


@dataclass
class Sending:
    """One call of the SMTP client."""

    hops: Sequence[Hop]
    sender: QueueSender
    recipients: Sequence[QueueEntry]
    data: bytes
    holds: Callable[[], bool]


class FakeOutbound:
    """`ports.Outbound`. `says`: recipient to the answers it gets, the last one for ever; others
    are taken. `stops`: recipients for which it hangs until the test goes on with `release`.
    `breaks`: recipients that bring out a defect."""

    def __init__(self) -> None:
        self.says: dict[str, list[Answer]] = {}
        self.stops: set[str] = set()
        self.breaks: set[str] = set()
        self.hanging: list[Deferred[None]] = []
        self.calls: list[Sending] = []
        self.dsn = False

    async def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Sent:
        data = await message.read(0, message.size)
        self.calls.append(Sending(hops, sender, recipients, data, holds))
        if any(one.recipient in self.breaks for one in recipients):
            raise KeyError("broken")
        if any(one.recipient in self.stops for one in recipients):
            held: Deferred[None] = Deferred()
            self.hanging.append(held)
            await held
        answers = tuple(self._answer(one.recipient) for one in recipients)
        reached = any(answer.stage is not Stage.CONNECT for answer in answers)
        host = hops[0].host if reached else ""
        return Sent(answers, host, "192.0.2.1" if reached else "", "TLSv1.3", dsn=self.dsn)

    def release(self) -> None:
        """What hangs goes on."""
        self.stops.clear()
        while self.hanging:
            self.hanging.pop().callback(None)

    def _answer(self, recipient: str) -> Answer:
        answers = self.says.get(recipient) or self.says.get(recipient.rpartition("@")[2])
        if not answers:
            return TAKEN
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def recipients(self) -> list[list[str]]:
        """Recipients of each transaction."""
        return [[one.recipient for one in call.recipients] for call in self.calls]


@dataclass
class FakeFinding:
    """`queue.ways.Finding`: one server for each domain, or what `says` says."""

    says: dict[str, Destination] = field(default_factory=dict)
    asked: list[tuple[str, Route | None, bool]] = field(default_factory=list)
    optional: list[bool] = field(default_factory=list)

    async def find(
        self,
        domain: str,
        route: Route | None = None,
        *,
        require_tls: bool = False,
        tls_optional: bool = False,
    ) -> Destination:
        self.asked.append((domain, route, require_tls))
        self.optional.append(tls_optional)
        host = route.host if route is not None and route.host else f"mx.{domain}"
        return self.says.get(domain) or Destination((Hop(host, ("192.0.2.1",)),))


class FakePrograms:
    """`ports.Programs` that writes down what it would run."""

    def __init__(self) -> None:
        self.ran: list[tuple[Sequence[str], str]] = []

    async def run(self, argv: Sequence[str], entry: QueueEntry, message: Message) -> Answer:
        self.ran.append((argv, entry.recipient))
        return TAKEN


class FakeDeparture:
    """`ports.Departure` that signs with a word."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def prefix(self, queued: QueueMessage, message: Message) -> bytes:
        self.asked.append(queued.number)
        return b"X-Signed: yes\r\n"


@dataclass
class QueueBench:
    """Everything, joined as `parts` joins it."""

    world: World
    clock: TurningClock
    schedule: MemorySchedule
    outbound: FakeOutbound
    finding: FakeFinding
    programs: FakePrograms
    departure: FakeDeparture
    means: Means
    runner: Runner
    queue: Queue
    reports: list[TLSReport]

    def submit(
        self,
        *recipients: str,
        sender: str = f"joe@{DOMAIN}",
        message: bytes = MESSAGE,
        notify: tuple[str, ...] = (),
        hold_until: int = 0,
        ret: str = "",
        require_tls: bool = False,
    ) -> None:
        """A message of a user, as submission would bring it."""
        principal = self.world.principal(sender) if sender in self.world.people else None
        paths = [ForwardPath(one, notify) for one in recipients]
        intake = self.world.intake
        resolved = [run(intake.recipient(path, principal, True)) for path in paths]
        envelope = self.world.envelope(*recipients, sender=sender, principal=principal)
        reverse = replace(
            envelope.reverse_path, hold_until=hold_until, ret=ret, require_tls=require_tls
        )
        envelope = replace(envelope, reverse_path=reverse, forward_paths=tuple(paths))
        spool = intake.spool(envelope)
        spool.write(message)
        run(intake.accept(envelope, resolved, spool))

    def start(self) -> None:
        run(self.runner.start())

    def waiting(self) -> list[QueueEntry]:
        entries, _ = run(self.world.store.queue.page(limit=1000))
        return list(entries)

    def mail(self, address: str) -> list[bytes]:
        """Messages in the INBOX of an account, whole."""
        store = self.world.store
        account = self.world.people[address].number
        box = run(store.mailboxes.get(account, "INBOX"))
        assert box is not None
        index = run(store.messages.index(account, box.number))
        if not len(index.uids):
            return []
        uids = UidSet.from_sorted(index.uids)
        contents = run(store.messages.contents(account, box.number, uids))
        return [one.prefix + run(store.blobs.read([one.blob]))[0] for one in contents]

    def journal(self, kind: str) -> list[str]:
        """Details of the journal's rows of that kind."""
        rows = run(self.world.store.journal.since(0, limit=10_000))
        return [row.detail for row in rows if row.kind == kind]


def bench(
    settings: QueueSettings | None = None,
    *,
    schedule: MemorySchedule | None = None,
    limits: ScheduleLimits | None = None,
    people: tuple[str, ...] = (f"joe@{DOMAIN}",),
    quota: int = 0,
    srs: SRS | None = None,
    start: bool = True,
    jitter: int = 0,
) -> QueueBench:
    """A server with a queue; its runner runs unless `start` is False."""
    clock = TurningClock()
    made = world(clock=clock, people=people, quota=quota, srs=srs)
    settings = settings or QueueSettings(jitter=jitter)
    schedule = schedule or MemorySchedule(clock, limits)
    outbound, finding = FakeOutbound(), FakeFinding()
    programs, departure = FakePrograms(), FakeDeparture()
    store, reports = made.store, list[TLSReport]()
    notices = ReportNotices(
        store,
        made.intake,
        made.ids,
        clock,
        made.log,
        settings,
        hostname=HOSTNAME,
        wording=wording.default,
    )
    means = Means(
        storage=store,
        schedule=schedule,
        addresses=made.addresses,
        ways=Ways(store, finding, clock, made.randomness),
        outbound=outbound,
        home=Homecomings(store, made.intake, clock, 100, made.owners.applying),
        programs=programs,
        uploads=Uploads(store, made.web, Keys(b"secret"), clock, seconds=60),
        prefixes=Prefixes(departure),
        notices=notices,
        elsewheres=made.elsewheres,
        suppressions=Suppressions(store, clock, settings),
        lanes=Lanes(lambda failures: plan.back_off(failures, settings)),
        settings=settings,
        clock=clock,
        randomness=made.randomness,
        log=made.log,
        reported=reports.extend,
    )
    joined = QueueBench(
        made,
        clock,
        schedule,
        outbound,
        finding,
        programs,
        departure,
        means,
        Runner(means),
        Queue(store, schedule, notices, clock),
        reports,
    )
    if start:
        joined.start()
    return joined
