"""Two runners of one queue over one Redis: no entry is sent by both, and one that was stopped for
too long may neither send nor record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Hop
from mailhub.model.settings import QueueSettings
from mailhub.net.clock import ReactorClock
from mailhub.ports import Message
from mailhub.queue.runner import Runner
from tests import turning
from tests.live.redis_bench import QUIET, Node, Nodes, Proxy
from tests.queue_bench import LATER, TAKEN, QueueBench, bench
from tests.redisserver import RedisServer

SETTINGS = QueueSettings(lease=QUIET, retry=(900,), jitter=0, concurrency=2, batch=5)
"""So little at a time that one runner alone falls behind, and the other has its part."""
LEASE_LOST = Answer(0, "4.3.0", "lease lost", Stage.DATA)


@dataclass
class Remote:
    """The SMTP client of one runner: keeps to `holds`, and counts what it sent. `hangs`: until
    the test goes on, before (`past` False) or behind the dot."""

    answer: Answer = TAKEN
    pause: float = 0.0
    hangs: Deferred[None] | None = None
    past: bool = False
    sent: Counter[str] = field(default_factory=Counter)
    began: int = 0

    async def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Sent:
        self.began += 1
        await ReactorClock(turning.reactor()).sleep(self.pause)
        if self.hangs is not None and not self.past:
            await self.hangs
        if not holds():
            return Sent((LEASE_LOST,) * len(recipients), "mx", "192.0.2.1")
        self.sent.update(one.recipient for one in recipients)
        if self.hangs is not None and self.past:
            await self.hangs
        return Sent((self.answer,) * len(recipients), "mx", "192.0.2.1")


@dataclass
class Process:
    """What one process has of its own."""

    node: Node
    remote: Remote
    runner: Runner


@dataclass
class Two:
    """Two such over one store."""

    queue: QueueBench
    nodes: Nodes
    processes: list[Process] = field(default_factory=list)

    def add(self, url: str) -> Process:
        """Starts another."""
        node, remote = self.nodes(url), Remote()
        means = replace(
            self.queue.means,
            schedule=node.schedule,
            outbound=remote,
            settings=SETTINGS,
            clock=ReactorClock(turning.reactor()),
        )
        made = Process(node, remote, Runner(means))
        self.processes.append(made)
        turning.result(made.runner.start())
        return made

    def sent(self) -> Counter[str]:
        """By both."""
        total = Counter[str]()
        for one in self.processes:
            total += one.remote.sent
        return total

    def stop(self) -> None:
        for one in self.processes:
            if one.remote.hangs is not None and not one.remote.hangs.called:
                one.remote.hangs.callback(None)
            turning.result(one.runner.stop())
        turning.pass_time(1.1)  # the clock of each looks once more whether it is over


@pytest.fixture
def two(nodes: Nodes) -> Iterator[Two]:
    made = bench(start=False)
    made.clock.step(time.time() - made.clock.now())
    world = Two(made, nodes)
    yield world
    world.stop()


@pytest.mark.parametrize("flush", [False, True])
def test_no_entry_is_sent_by_both(two: Two, redis: RedisServer, flush: bool) -> None:
    wanted = Counter[str]()
    first, second = two.add(redis.url), two.add(redis.url)
    for process in (first, second):
        process.remote.pause = 0.1
    for number in range(80):
        recipients = [f"r{number}@d{number % 7}.test", f"s{number}@d{number % 5}.test"]
        two.queue.submit(*recipients)
        wanted.update(recipients)
        turning.pass_time(0.01)
        if flush and number in (25, 55):
            redis.cli("FLUSHALL")
    turning.until(lambda: not two.queue.waiting())
    assert two.sent() == wanted
    assert first.remote.sent
    assert second.remote.sent


@pytest.mark.parametrize("past", [False, True])
def test_a_holder_that_was_stopped_for_too_long_can_neither_send_nor_record(
    two: Two, redis: RedisServer, past: bool
) -> None:
    proxy = Proxy(redis.port)
    old = two.add(proxy.url)
    old.remote.past = past
    old.remote.hangs = Deferred()
    two.queue.submit("a@example.net")
    turning.until(lambda: old.remote.began)
    # It is stopped: nothing that it says or hears comes through.
    proxy.delay = 1000.0
    new = two.add(redis.url)
    new.remote.answer = LATER
    turning.until(lambda: new.remote.sent)
    turning.until(lambda: two.queue.waiting()[0].attempts == 1)
    [entry] = two.queue.waiting()
    # It wakes, and goes on where it was.
    proxy.delay = 0.0
    old.remote.hangs.callback(None)
    turning.pass_time(0.3)
    assert two.queue.waiting() == [entry]
    assert entry.reply == f"451 {LATER.text}"
    assert old.remote.sent.total() == past
    assert two.queue.world.log.named("queue")[-1]["outcome"] == "stale"
    old.node.recovers()
    proxy.stop()
