"""What is asked of a server before it is used: who it is, and whether our user may do all that is
needed there. May know nothing of what is kept in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.coord.redis.scripts import Asks, Script
from mailhub.coord.redis.wire import Refused, Reply
from mailhub.model.errors import Unavailable

RIGHTS = Script("rights")
PAGE = "docs/redis.md"


@dataclass(frozen=True, slots=True)
class Identity:
    """`role`: master, slave or sentinel. `server`: its run id, another after every start. `mode`:
    standalone, cluster or sentinel."""

    role: str
    server: str
    mode: str


async def identity(wire: Asks) -> Identity:
    """Who is there. Raises Unavailable."""
    try:
        role = text((await wire.ask("ROLE"))[0])
        about = facts(await wire.ask("INFO", "server"))
        return Identity(role, about["run_id"], about.get("redis_mode", "standalone"))
    except (AttributeError, LookupError, TypeError):
        raise Unavailable("the other side is no Redis") from None


async def master(wire: Asks, *, cluster: bool) -> str:
    """The run id of a server that may be written to, and is a Cluster's node or not, as we were
    told. Raises Unavailable."""
    found = await identity(wire)
    if found.role != "master":
        raise Unavailable(f"the server is a {found.role}, no master")
    if (found.mode == "cluster") is not cluster:
        said = "no node" if cluster else "a node"
        raise Unavailable(f"the server is {said} of a Redis Cluster, see redis.cluster")
    return found.server


async def allowed(wire: Asks, keys: Sequence[str], channel: str) -> None:
    """Tries every command that is needed, on keys that nobody uses. Raises Unavailable, and tells
    what the user may not do. `keys`: one of each kind."""
    for key in keys:
        try:
            refused = await RIGHTS.run(wire, (key,), {"channel": channel})
        except Refused as error:
            if error.code != "NOPERM" or "key" not in error.reason:
                raise
            raise Unavailable(f"{error.reason}: {key} (see {PAGE})") from None
        if refused:
            names = ", ".join(sorted(text(one) for one in refused))
            raise Unavailable(f"NOPERM our user may not run {names} (see {PAGE})")


def text(word: Reply) -> str:
    """A status or a bulk string."""
    return word if isinstance(word, str) else word.decode("ascii", "replace")


def facts(info: bytes) -> dict[str, str]:
    """The `name:value` lines of INFO."""
    lines = text(info).splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines) if value}
