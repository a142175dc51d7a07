"""A Redis Cluster of the test's own, whose slots can be moved."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.ports import free_port
from tests.redisserver import START, RedisServer

SLOTS = 16384


class RedisCluster:
    """Masters that share all slots evenly, each with a replica where `replicas` is set."""

    def __init__(
        self, masters: int = 3, *options: str, replicas: bool = False, tls: bool = False
    ) -> None:
        """`tls`: clients come by it alone, with what `options` say of it."""
        count = masters * (2 if replicas else 1)
        self._ports = [free_port() if tls else 0 for _ in range(count)]
        self.nodes = [
            RedisServer(*_options(), *(("--tls-port", str(port)) if tls else ()), *options)
            for port in self._ports
        ]
        self.masters = self.nodes[:masters]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    @property
    def places(self) -> tuple[str, ...]:
        """As `redis.cluster` has them."""
        pairs = zip(self.nodes, self._ports, strict=True)
        return tuple(f"127.0.0.1:{port or node.port}" for node, port in pairs)

    def start(self) -> None:
        """Ends when every node says that all is well."""
        for node in self.nodes:
            node.start()
        first, count = self.nodes[0], len(self.masters)
        port = str(self._ports[0] or first.port)
        bounds = [SLOTS * number // count for number in range(count + 1)]
        for master, start, end in zip(self.masters, bounds, bounds[1:], strict=False):
            master.cli("CLUSTER", "ADDSLOTSRANGE", str(start), str(end - 1))
        for number, node in enumerate(self.nodes[1:], 2):
            # Of the same epoch they would have to argue first.
            node.cli("CLUSTER", "SET-CONFIG-EPOCH", str(number))
            node.cli("CLUSTER", "MEET", "127.0.0.1", port, str(_bus(first)))
        self._until(lambda node: f"cluster_known_nodes:{len(self.nodes)}" in _info(node))
        for master, replica in zip(self.masters, self.nodes[count:], strict=False):
            replica.cli("CLUSTER", "REPLICATE", master.cli("CLUSTER", "MYID"))
        self._until(lambda node: "cluster_state:ok" in _info(node))
        for replica in self.nodes[count:]:
            ends = time.monotonic() + START
            while "connected" not in replica.cli("ROLE").splitlines():
                assert time.monotonic() < ends, "a replica did not connect"
                time.sleep(0.05)

    def owner(self, slot: int) -> RedisServer:
        """The master that has it, as all nodes that run agree."""
        running = [node for node in self.nodes if node.runs]
        for node in running:
            if node.leads() and _has(node, slot):
                return node
        raise AssertionError(f"nobody has slot {slot}")

    def move(self, slot: int, target: RedisServer, *, finish: bool = True) -> None:
        """A slot with its keys, as redis-cli --cluster reshard does it. `finish` False: all keys
        are there, and nobody was told."""
        source = self.owner(slot)
        to, at = target.cli("CLUSTER", "MYID"), source.cli("CLUSTER", "MYID")
        target.cli("CLUSTER", "SETSLOT", str(slot), "IMPORTING", at)
        source.cli("CLUSTER", "SETSLOT", str(slot), "MIGRATING", to)
        keys = source.cli("CLUSTER", "GETKEYSINSLOT", str(slot), "1000").split()
        if keys:
            said = source.cli(
                "MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys
            )
            assert said in ("OK", "NOKEY"), said
        if finish:
            self.settle(slot, target)

    def settle(self, slot: int, target: RedisServer) -> None:
        """What a move left unfinished."""
        to = target.cli("CLUSTER", "MYID")
        for node in (target, *(one for one in self.masters if one is not target and one.runs)):
            assert node.cli("CLUSTER", "SETSLOT", str(slot), "NODE", to) == "OK"

    def empty(self) -> None:
        for node in self.nodes:
            if node.runs and node.leads():
                node.cli("FLUSHALL")

    def _until(self, done: Callable[[RedisServer], bool]) -> None:
        ends = time.monotonic() + 2 * START
        while not all(map(done, self.nodes)):
            assert time.monotonic() < ends, "the cluster did not come together"
            time.sleep(0.05)

    def close(self) -> None:
        for node in self.nodes:
            node.close()


def _options() -> tuple[str, ...]:
    return (
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1500",
        "--cluster-config-file",
        "nodes.conf",
        "--cluster-port",
        str(free_port()),
        "--repl-diskless-sync-delay",
        "0",
    )


def _bus(node: RedisServer) -> int:
    return int(node.cli("CONFIG", "GET", "cluster-port").split()[-1])


def _info(node: RedisServer) -> str:
    return node.cli("CLUSTER", "INFO")


def _has(node: RedisServer, slot: int) -> bool:
    """Whether the node says that it is its own."""
    [own] = [line for line in node.cli("CLUSTER", "NODES").splitlines() if "myself" in line]
    for part in own.split()[8:]:
        first, _, last = part.partition("-")
        if first.isdecimal() and int(first) <= slot <= int(last or first):
            return True
    return False
