"""The address of a Redis server as one text: `redis://user:password@host:6379/0`.

Pure; who connects there is `coord.redis.dial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from mailhub.model.errors import Invalid

PORT = 6379
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class RedisURL:
    """Where, as whom and which database. `path`: a Unix socket's; empty where it is TCP."""

    host: str = ""
    port: int = PORT
    path: str = ""
    tls: bool = False
    username: str = ""
    password: str = ""
    database: int = 0


def parse_redis_url(text: str) -> RedisURL:
    """`redis://`, `rediss://` (TLS) or `unix://`. Raises Invalid, without the password in it."""
    try:
        parts = urlsplit(text)
        port = parts.port or PORT
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise Invalid("it cannot be read as a URL") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise Invalid("it begins with none of redis://, rediss://, unix://")
    unix = parts.scheme == "unix"
    database = query.pop("db", [""])[-1]
    if not unix:
        database = parts.path.strip("/") or database
    if query or parts.fragment:
        raise Invalid("only ?db=NUMBER may follow the address")
    if database and not database.isdecimal():
        raise Invalid("its database is no number")
    if unix and (parts.hostname or not parts.path):
        raise Invalid("a socket is named as unix:///path/of/socket")
    if not unix and not parts.hostname:
        raise Invalid("it names no host")
    return RedisURL(
        host=parts.hostname or "",
        port=port,
        path=unquote(parts.path) if unix else "",
        tls=parts.scheme == "rediss",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(database or 0),
    )


def parse_sentinel(text: str) -> tuple[str, int]:
    """`host`, `host:port` or `[address]:port`. Raises Invalid."""
    return _place(text, SENTINEL_PORT)


def parse_node(text: str) -> tuple[str, int]:
    """The same, of a Cluster's node."""
    return _place(text, PORT)


def _place(text: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit("//" + text)
        host, port = parts.hostname, parts.port or default
    except ValueError:
        host, port = None, 0
    if not host or parts.netloc != text or parts.username is not None:
        raise Invalid(f"{text!r} is no host:port")
    return host, port
