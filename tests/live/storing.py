"""Where the servers of live tests keep mail: in their folders, or by TEST_STORE in the environment
as servers do that share it, so that every live test can be run on either.

`postgres`: each in a database of its own on one PostgreSQL. `nodes`: that, with bodies in a bucket,
and with Redis for what nodes tell each other.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from contextlib import ExitStack, closing
from functools import cache
from hashlib import blake2b
from pathlib import Path

from tests.live.swift import SECRET, USER, Swift
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

VARIABLE = "TEST_STORE"
TABLE = "[store]"
BUCKET = "live"
S3 = """
[s3]
endpoint = "http://127.0.0.1:{port}"
bucket = "{bucket}"
prefix = "{prefix}/"
access_key = "{user}"
secret_key = "{secret}"
inline = {inline}
"""
INLINE = 2000
"""Octets: only short messages are in the database itself."""
REDIS = """
[redis]
url = "{url}"
prefix = "{prefix}"
"""

_BEGUN = ExitStack()


@atexit.register
def end() -> None:
    """Ends what was begun here. A session of tests does so itself: its process may be killed before
    a database that is slow to stop has."""
    _BEGUN.close()


def shared() -> bool:
    """Whether they keep it in databases, which several servers may have together."""
    return os.environ.get(VARIABLE) in ("postgres", "nodes")


def settled(sections: str, folder: Path) -> str:
    """The sections of a server's configuration, with its database where the environment asks for
    one and they name none, and with a bucket and Redis likewise."""
    if not shared() or "postgresql://" in sections:
        return sections
    line = f'database = "{database(folder)}"'
    if TABLE in sections:
        sections = sections.replace(TABLE, f"{TABLE}\n{line}")
    else:
        sections = f"{sections}\n{TABLE}\n{line}\n"
    return sections + beside(sections, folder) if os.environ[VARIABLE] == "nodes" else sections


def beside(sections: str, folder: Path) -> str:
    """What these sections lack, with names that belong to the server's folder."""
    prefix = blake2b(bytes(folder), digest_size=8).hexdigest()
    more = ""
    if "[s3]" not in sections:
        more += S3.format(
            port=swift().port,
            bucket=BUCKET,
            prefix=prefix,
            user=USER,
            secret=SECRET,
            inline=INLINE,
        )
    if "[redis]" not in sections:
        _known(prefix)
        more += REDIS.format(url=redis().url, prefix=prefix)
    return more


def _known(prefix: str) -> None:
    """Redis knows the schedule already, in which is nothing: nobody waits for leases to end that
    it could have forgotten."""
    facts = dict(
        line.split(":", 1) for line in redis().cli("INFO", "server").split() if ":" in line
    )
    words = ("server", facts["run_id"], "claim", "over", "quiet", "0")
    redis().cli("HSET", f"{{{prefix}}}:state", *words)


@cache
def server() -> PostgresServer:
    """One for all tests of this process."""
    found = _BEGUN.enter_context(closing(PostgresServer()))
    found.start()
    return found


@cache
def database(folder: Path) -> str:
    """The address of the database that belongs to a server's folder."""
    return server().url(server().database())


@cache
def swift() -> Swift:
    """One likewise, with an empty bucket."""
    folder = _BEGUN.enter_context(tempfile.TemporaryDirectory(prefix="mailhub-swift-"))
    found = _BEGUN.enter_context(Swift(Path(folder) / "swift"))
    found.make(BUCKET)
    return found


@cache
def redis() -> RedisServer:
    """One likewise."""
    found = _BEGUN.enter_context(closing(RedisServer()))
    found.start()
    return found
