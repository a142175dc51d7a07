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

from tests.live.faults.nodes import LEASE, Node, Nodes

LARGE = b"x\r\n" * 4_000_000
Act = Callable[[Nodes, Random], None]
MOMENT = (0.2, 1.5)
"""Seconds that a fault lasts."""
SPARE = 2
"""Descriptors that are left to a node which runs out of them."""
ROOM = 8 << 20
"""Bytes that a node may still grow by when memory runs out."""


def _last(random: Random) -> None:
    time.sleep(random.uniform(*MOMENT))


def kill_node(nodes: Nodes, random: Random) -> None:
    """SIGKILL."""
    node = random.choice(nodes.all)
    node.server.kill()
    _last(random)
    node.server.start()


def kill_all_nodes(nodes: Nodes, random: Random) -> None:
    """SIGKILL of every node."""
    for node in nodes.all:
        node.server.kill()
    for node in nodes.all:
        node.server.start()


def freeze_node(nodes: Nodes, random: Random) -> None:
    """SIGSTOP for longer than its leases are; it goes on believing that it has them."""
    node = random.choice(nodes.all)
    pid = node.server.pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(LEASE * random.uniform(1.0, 1.6))
    os.kill(pid, signal.SIGCONT)


def drain_node(nodes: Nodes, random: Random) -> None:
    """It is taken out in good order, and comes back: a rolling upgrade's step."""
    node = random.choice(nodes.all)
    node.server.command("drain", "--within", "5")
    assert node.server.stop() == 0
    node.server.start()


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
        node.server.start()
    else:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


def _address_space(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def cut_from_bucket(nodes: Nodes, random: Random) -> None:
    """One node's connections to S3 are reset, and none is to be had for a while."""
    _cut(random.choice(nodes.all), "bucket", random)


def hang_bucket(nodes: Nodes, random: Random) -> None:
    """S3 answers nobody for a while."""
    assert nodes.swift is not None
    nodes.swift.pause()
    _last(random)
    nodes.swift.resume()


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
    "descriptors exhausted": exhaust_descriptors,
    "memory exhausted": exhaust_memory,
}
WITH_BUCKET: Mapping[str, Act] = {
    "node cut off from S3": cut_from_bucket,
    "S3 hung": hang_bucket,
}
