"""From settings to the ways that lead to Redis: one server, who Sentinels call the master, or a
Cluster. Opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint

from mailhub.coord.redis.atlas import Atlas, SlotEndpoint
from mailhub.coord.redis.dial import Dialer, Login
from mailhub.coord.redis.sentinel import SentinelEndpoint
from mailhub.coord.redis.trust import Trust
from mailhub.model.settings import RedisSettings
from mailhub.wire.redisslots import slot_of
from mailhub.wire.redisurl import parse_node, parse_redis_url, parse_sentinel


@dataclass(frozen=True, slots=True)
class Ways:
    """`endpoint`: to the server that has the schedule; `hearing`: the same, for who only listens
    there. `dialer`: to others like it. `sentinels`: the endpoint, where it goes by them. `atlas`:
    of the Cluster, where it is one."""

    endpoint: IStreamClientEndpoint
    hearing: IStreamClientEndpoint
    dialer: Dialer
    login: Login
    sentinels: SentinelEndpoint | None = None
    atlas: Atlas | None = None


def ways_of(settings: RedisSettings, reactor: Any, key: str) -> Ways:
    """As the settings say. `key`: any of the schedule's. Raises Invalid."""
    url = parse_redis_url(settings.url)
    login = Login.of(url)
    trust = Trust.of(settings) if url.tls else None
    dialer = Dialer(reactor, settings.timeout, trust, login)
    # Each of several that are asked the way gets its part of the time that the attempt has.
    part = max(0.5, settings.timeout / 3)
    if url.path:
        socket = dialer.unix(url.path)
        return Ways(socket, socket, dialer, login)
    if settings.cluster:
        seeds = [(url.host, url.port), *map(parse_node, settings.cluster)]
        atlas = Atlas(Dialer(reactor, part, trust, login), seeds)
        owner = SlotEndpoint(atlas, dialer, slot_of(key))
        return Ways(owner, owner, dialer, login, atlas=atlas)
    if settings.sentinels:
        watch = Login(settings.sentinel_user, settings.sentinel_password)
        asker = Dialer(reactor, part, trust, watch)
        places = [parse_sentinel(one) for one in settings.sentinels]
        # One each: which master a connection was led to is remembered there.
        leads, hearing = (SentinelEndpoint(asker, dialer, places, url.host) for _ in range(2))
        return Ways(leads, hearing, dialer, login, sentinels=leads)
    server = dialer.tcp(url.host, url.port)
    return Ways(server, server, dialer, login)
