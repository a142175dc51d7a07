"""Two redis-servers of the test's own, of which Sentinels make one the first, for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.redisserver import START, RedisServer, Sentinel

SENTINELS = 3


class RedisPair:
    """It speaks of the first one as `RedisServer` does of one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers = (RedisServer(), RedisServer())
        self._sentinels: list[Sentinel] = []
        self._down: RedisServer | None = None

    @property
    def sentinels(self) -> tuple[str, ...]:
        """As `redis.sentinels` has them; the name is `mail`."""
        return tuple(f"127.0.0.1:{one.port}" for one in self._sentinels)

    def start(self) -> None:
        """Begins, or brings back who was killed; it learns from a Sentinel what it is."""
        if self._down is not None:
            self._down.start()
            self._down = None
            return
        for one in self._servers:
            one.start()
        first, second = self._servers
        second.cli("REPLICAOF", "127.0.0.1", str(first.port))
        self._folder.mkdir(parents=True, exist_ok=True)
        quorum = SENTINELS // 2 + 1
        self._sentinels = [Sentinel(self._folder, first, quorum=quorum) for _ in range(SENTINELS)]
        self.mend()

    def kill(self) -> None:
        """The first one is gone, and comes back by `start`."""
        self._down = self._first()
        self._down.kill()

    def fail_over(self) -> None:
        """The first is gone; returns when the other one is the first."""
        gone = self._first()
        gone.kill()
        other = next(one for one in self._servers if one is not gone)
        _until(other.leads, "no Sentinel made the other one the first")
        self._down = gone

    def mend(self) -> None:
        """Both run, and all Sentinels know both, and each other."""
        if self._down is not None:
            self.start()
        _until(self._whole, "the two and their Sentinels did not find each other")

    def _whole(self) -> bool:
        leading = [one for one in self._servers if one.leads()]
        following = [one for one in self._servers if "connected" in one.cli("ROLE").splitlines()]
        told = [
            one.replicas() == 1
            and one.cli("SENTINEL", "SENTINELS", "mail").count("runid") == SENTINELS - 1
            and str(leading[0].port) in one.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mail")
            for one in self._sentinels
            if leading
        ]
        return len(leading) == len(following) == 1 and all(told)

    def pause(self) -> None:
        """The first one hangs, and may be the second when it goes on."""
        self._down = self._first()
        self._down.pause()

    def resume(self) -> None:
        assert self._down is not None
        self._down.resume()
        self._down = None

    def cli(self, *words: str) -> str:
        """See `RedisServer.cli`; of the first."""
        return self._first().cli(*words)

    def _first(self) -> RedisServer:
        _until(lambda: any(one.leads() for one in self._servers), "nobody is the first")
        return next(one for one in self._servers if one.leads())

    def close(self) -> None:
        for each in self._sentinels:
            each.close()
        for one in self._servers:
            one.close()


def _until(done: Callable[[], bool], why: str) -> None:
    ends = time.monotonic() + 4 * START
    while not done():
        assert time.monotonic() < ends, why
        time.sleep(0.05)
