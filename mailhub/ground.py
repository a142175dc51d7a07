"""What every part of core stands on: store, coordination, resolver, workers, by the settings.

A part of the composition root, apart from it for its size. Each thing is made when it is first
asked for, and once. Opens nothing but files that are read at once; no rule of mail may live here.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mailhub.coord.memory import MemoryCoordination
from mailhub.core.ids import Ids
from mailhub.core.watch import Watch
from mailhub.keeping import Keeping
from mailhub.model.settings import Settings
from mailhub.net.clock import ReactorClock
from mailhub.net.encrypting import ProcessEncrypting
from mailhub.net.faults import Faults
from mailhub.net.folder import DataFolder
from mailhub.net.hashing import PooledHashing
from mailhub.net.hooks import ServerHooks
from mailhub.net.listeners import Listener
from mailhub.net.metrics import Metrics
from mailhub.net.outward import authorities
from mailhub.net.resolver import StubResolver
from mailhub.net.web import GuardedWeb
from mailhub.net.workers import ProcessWorkers
from mailhub.ports import Clock, Coordination, Log
from mailhub.ports.leases import Lease
from mailhub.store.sqlite import open_store
from mailhub.store.threaded import ThreadedStore


class SystemRandomness:
    """`ports.Randomness` from the operating system."""

    def token(self, size: int) -> bytes:
        """`size` unpredictable bytes."""
        return secrets.token_bytes(size)


def hostname_of(settings: Settings) -> str:
    """This server's name: as set, else the machine's."""
    name = settings.hostname or socket.gethostname()
    return name if "." in name else socket.getfqdn(name)


class Ground:
    """`ready`: whether the server takes work just now. `listening`: its listeners, as soon as they
    are known."""

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        log: Log,
        metrics: Metrics,
        ready: Callable[[], bool],
    ) -> None:
        self.settings = settings
        self.reactor = reactor
        self.faults = Faults(log, reactor)
        self.log: Log = self.faults
        self.metrics = metrics
        self.ready = ready
        self.listening: Sequence[Listener] = ()
        self.file = ""
        """That the settings were read from; empty for none."""
        self.hostname = hostname_of(settings)
        clock = ReactorClock(reactor)
        self.clock: Clock = clock
        self._agree = clock.agree
        self.randomness = SystemRandomness()
        self.ids = Ids(self.clock, self.randomness)

    def secret(self, name: str) -> bytes:
        """A secret of this server's own, kept in a file of this name."""
        return self.keeping.secret(name)

    @cached_property
    def store(self) -> ThreadedStore:
        """On PostgreSQL where one is named, else in the data folder."""
        settings = self.settings.store
        folder = Path(self.settings.data) / "store"
        if not settings.database:
            return open_store(settings, folder, self.reactor, self.clock)
        from mailhub.store import postgres  # its library costs who does without it nothing

        own = postgres.Own(
            name=f"{socket.gethostname()}-{os.getpid()}-{self.randomness.token(4).hex()}",
            place=self._place,
            host=socket.gethostname(),
            several=bool(self.settings.redis.url),
        )
        return postgres.open_store(
            self.settings, folder, own, self.reactor, self.clock, self._agree
        )

    @property
    def _place(self) -> str:
        """Names what no other running process has: this data folder, on this machine. A copy of the
        folder is another place."""
        folder = os.path.abspath(self.settings.data)
        mark = hashlib.sha256(DataFolder(Path(folder)).secret("node.json"))
        mark.update(f"{socket.gethostname()} {folder}".encode())
        return mark.hexdigest()[:16]

    def lease(self, name: str) -> Lease:
        """The right to do this, which one node at a time has."""
        return self.store.nodes.leases.lease(name)

    @cached_property
    def keeping(self) -> Keeping:
        """What this server keeps in small files."""
        return Keeping(Path(self.settings.data), self.store, self.reactor, self.log)

    @cached_property
    def watch(self) -> Watch:
        return Watch(self.store, self.log, self.clock)

    @cached_property
    def hashing(self) -> PooledHashing:
        return PooledHashing(self.reactor, self.randomness.token)

    @cached_property
    def resolver(self) -> StubResolver:
        return StubResolver(self.settings.resolver, self.reactor, self.randomness, self.log)

    @cached_property
    def web(self) -> GuardedWeb:
        settings = self.settings.web
        trusted = authorities(settings.trusted, "web.trusted")
        return GuardedWeb(settings, self.resolver, self.reactor, trusted)

    @cached_property
    def workers(self) -> ProcessWorkers:
        return ProcessWorkers(self.reactor, self.log)

    @cached_property
    def encrypting(self) -> ProcessEncrypting:
        return ProcessEncrypting(self.reactor, self.log)

    @cached_property
    def hooks(self) -> ServerHooks:
        return ServerHooks(self.settings.hook, self.reactor, self.log, None)

    @cached_property
    def coordination(self) -> Coordination:
        """Redis where one is named, else this process's memory."""
        if not self.settings.redis.url:
            return MemoryCoordination(self.clock, self.settings)
        from mailhub.coord import redis  # its library costs who does without it nothing

        found = redis.open(self.settings, self.reactor, self.clock, self.randomness, self.log)
        said = "Servers of Redis that are away, or refuse what is asked of them"
        self.metrics.gauge("mailhub_redis_troubles", said, lambda: len(found.troubles()))
        return found
