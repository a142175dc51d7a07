"""What goes wrong, each as one function: it begins, lasts a moment, and is over when it returns.

A node that it ended is started again by it: that belongs to the fault. What comes then, until all
nodes work, is the recovery.
"""

from __future__ import annotations

import os
import resource
import signal
import smtplib
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random

from mailhub.store.postgres.roll import LIFE
from tests.live.faults.nodes import LEASE, Kind, Node, Nodes, until
from tests.postgrespair import PostgresPair
from tests.redispair import RedisPair

LARGE = b"x\r\n" * 4_000_000
NO_ROOM = tuple(
    f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(text)}\r\n"
    f"Connection: close\r\n\r\n{text}".encode()
    for status, text in (
        ("507 Insufficient Storage", "<Error><Code>InsufficientStorage</Code></Error>"),
        ("403 Forbidden", "<Error><Code>QuotaExceeded</Code></Error>"),
        ("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
    )
)
Act = Callable[[Nodes, Random], None]
MOMENT = (0.2, 1.5)
"""Seconds that a fault lasts."""
SPARE = 2
"""Descriptors that are left to a node which runs out of them."""
ROUNDS = 0.25
"""Share of frozen nodes that are so for longer than their rounds' leases are."""
FAR = 2.0
"""Seconds that an answer takes from a server that is slow; Redis is given up after one."""
DRIPS = (0.02, 2048)
"""Seconds for so many octets, of a line that is thin."""
NOTICED = 10.0
"""Seconds in which a bucket that is full is to be met."""
STEPS = (3600, -3600, 315_360_000, -315_360_000)
"""Seconds by which a clock goes wrong: an hour and ten years."""
ROOM = 8 << 20
"""Bytes that a node may still grow by when memory runs out."""


def _last(random: Random) -> None:
    time.sleep(random.uniform(*MOMENT))


def kill_node(nodes: Nodes, random: Random) -> None:
    """SIGKILL."""
    node = random.choice(nodes.all)
    node.server.kill()
    _last(random)
    node.start()


def kill_all_nodes(nodes: Nodes, random: Random) -> None:
    """SIGKILL of every node."""
    for node in nodes.all:
        node.server.kill()
    for node in nodes.all:
        node.start()


def freeze_node(nodes: Nodes, random: Random) -> None:
    """SIGSTOP for longer than leases of mail in the queue are, now and then also than those of what
    one node does for all; it goes on believing that it has them."""
    node = random.choice(nodes.all)
    pid = node.server.pid
    os.kill(pid, signal.SIGSTOP)
    lease = LIFE / 1000 if random.random() < ROUNDS else LEASE
    time.sleep(lease * random.uniform(1.0, 1.6))
    os.kill(pid, signal.SIGCONT)


def drain_node(nodes: Nodes, random: Random) -> None:
    """It is taken out in good order, and comes back: a rolling upgrade's step."""
    node = random.choice(nodes.all)
    node.server.command("drain", "--within", "5")
    assert node.server.stop() == 0
    node.start()


def kill_database(nodes: Nodes, random: Random) -> None:
    """Every process of PostgreSQL dies; it recovers from its log."""
    nodes.postgres.kill()
    _last(random)
    nodes.postgres.start()


def end_backends(nodes: Nodes, random: Random) -> None:
    """The database ends every connection."""
    nodes.terminate()


def cut_from_database(nodes: Nodes, random: Random) -> None:
    """One node's connections are reset, and none is to be had for a while."""
    _cut(random.choice(nodes.all), "database", random)


def stall_database(nodes: Nodes, random: Random) -> None:
    """One node's connections say nothing for a while, and go on."""
    gate = random.choice(nodes.all).gates["database"]
    gate.stall()
    _last(random)
    gate.open()


def kill_redis(nodes: Nodes, random: Random) -> None:
    """It comes back empty."""
    nodes.redis.kill()
    _last(random)
    nodes.redis.start()


def flush_redis(nodes: Nodes, random: Random) -> None:
    """FLUSHALL."""
    nodes.redis.cli("FLUSHALL")


def hang_redis(nodes: Nodes, random: Random) -> None:
    """SIGSTOP."""
    nodes.redis.pause()
    _last(random)
    nodes.redis.resume()


def cut_from_redis(nodes: Nodes, random: Random) -> None:
    """One node's connections are reset, and none is to be had for a while."""
    _cut(random.choice(nodes.all), "redis", random)


def exhaust_descriptors(nodes: Nodes, random: Random) -> None:
    """A node may open no more files, and connections come."""
    pid = random.choice(nodes.all).server.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + SPARE, before[1]))
    port = next(node for node in nodes.all if node.server.pid == pid).server.port("smtp")
    crowd = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(SPARE * 5)]
    _last(random)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for one in crowd:
        one.close()


def exhaust_memory(nodes: Nodes, random: Random) -> None:
    """A node may grow by next to nothing, and large messages come."""
    node = random.choice(nodes.all)
    pid = node.server.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (_address_space(pid) + ROOM, before[1]))
    with (
        suppress(OSError, smtplib.SMTPException),
        smtplib.SMTP("127.0.0.1", node.server.port("smtp"), timeout=5) as smtp,
    ):
        smtp.sendmail("a@example.org", ["probe@crash.test"], b"a: b\r\n\r\n" + LARGE)
    if node.server.ended_within(0.0):
        node.server.kill()
        node.start()
    else:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


def _address_space(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def slow_redis(nodes: Nodes, random: Random) -> None:
    """What it says to one node comes later than that one waits, or just not."""
    gate = random.choice(nodes.all).gates["redis"]
    gate.drag(random.choice((FAR, FAR / 10)))
    _last(random)
    gate.open()


def fill_redis(nodes: Nodes, random: Random) -> None:
    """It refuses what would need memory."""
    nodes.redis.cli("CONFIG", "SET", "maxmemory", "1mb")
    _last(random)
    nodes.redis.cli("CONFIG", "SET", "maxmemory", "0")


def fail_redis_over(nodes: Nodes, random: Random) -> None:
    """The master is gone, and Sentinels make its replica the master."""
    assert isinstance(nodes.redis, RedisPair)
    nodes.redis.fail_over()


def fail_database_over(nodes: Nodes, random: Random) -> None:
    """It is gone for good, and its standby takes over at another address."""
    assert isinstance(nodes.postgres, PostgresPair)
    nodes.postgres.kill()
    _last(random)
    nodes.postgres.fail_over()


def set_clock(nodes: Nodes, random: Random) -> None:
    """One node's wall clock steps, and steps back."""
    clock = random.choice(nodes.all).clock
    assert clock is not None
    clock.set(random.choice(STEPS))
    _last(random)
    clock.set(0)


def cut_from_bucket(nodes: Nodes, random: Random) -> None:
    """One node's connections to S3 are reset, and none is to be had for a while."""
    _cut(random.choice(nodes.all), "bucket", random)


def hang_bucket(nodes: Nodes, random: Random) -> None:
    """S3 answers nobody for a while."""
    assert nodes.swift is not None
    nodes.swift.pause()
    _last(random)
    nodes.swift.resume()


def fill_bucket(nodes: Nodes, random: Random) -> None:
    """It takes nothing more, and says so in one of the ways that there are; it can be read."""
    ways = [node.gates["bucket"] for node in nodes.all]
    answer = random.choice(NO_ROOM)
    for way in ways:
        way.refuse(answer)
    until(lambda: any(way.refused for way in ways), NOTICED)
    _last(random)
    for way in ways:
        way.open()


def slow_bucket(nodes: Nodes, random: Random) -> None:
    """Every answer comes late, or octet by octet."""
    ways = [node.gates["bucket"] for node in nodes.all]
    for way in ways:
        way.drag(*random.choice(((FAR,), DRIPS)))
    _last(random)
    for way in ways:
        way.open()


def _cut(node: Node, gate: str, random: Random) -> None:
    node.gates[gate].shut()
    _last(random)
    node.gates[gate].open()


ACTS: Mapping[str, Act] = {
    "node killed": kill_node,
    "all nodes killed": kill_all_nodes,
    "node frozen beyond its leases": freeze_node,
    "node drained and replaced": drain_node,
    "PostgreSQL killed": kill_database,
    "PostgreSQL ends its connections": end_backends,
    "node cut off from PostgreSQL": cut_from_database,
    "PostgreSQL silent for a node": stall_database,
    "Redis killed, back empty": kill_redis,
    "Redis flushed": flush_redis,
    "Redis hung": hang_redis,
    "node cut off from Redis": cut_from_redis,
    "Redis slow for a node": slow_redis,
    "Redis without memory": fill_redis,
    "descriptors exhausted": exhaust_descriptors,
    "memory exhausted": exhaust_memory,
}
WITH_BUCKET: Mapping[str, Act] = {
    "node cut off from S3": cut_from_bucket,
    "S3 hung": hang_bucket,
    "S3 full": fill_bucket,
    "S3 slow": slow_bucket,
}
WITH_PAIRS: Mapping[str, Act] = {
    "PostgreSQL's standby takes over": fail_database_over,
    "Redis failed over by Sentinels": fail_redis_over,
}
WITH_CLOCKS: Mapping[str, Act] = {"a node's clock is wrong": set_clock}
_BEHIND_SENTINELS = (cut_from_redis, slow_redis)
"""There is no gate on the way to a server that a Sentinel names."""


def possible(kind: Kind) -> Mapping[str, Act]:
    """What can go wrong there."""
    acts = {
        **ACTS,
        **(WITH_BUCKET if kind.s3 else {}),
        **(WITH_PAIRS if kind.pairs else {}),
        **(WITH_CLOCKS if kind.clocks else {}),
    }
    return {
        name: act for name, act in acts.items() if not (kind.pairs and act in _BEHIND_SENTINELS)
    }
