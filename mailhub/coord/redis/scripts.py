"""The named Lua scripts: read once from the package, run by their digest.

May not know what a script is for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Protocol

from mailhub.coord.redis.wire import Refused, Reply


class Asks(Protocol):
    """What sends commands: a link, or one connection of it."""

    async def ask(self, *words: str | bytes | int) -> Reply: ...


class Script:
    """One file of `lua/`, with what stands before it."""

    def __init__(self, name: str, *, prelude: str = "") -> None:
        folder = files(__package__) / "lua"
        names = [prelude, name] if prelude else [name]
        self.name = name
        self.text = "\n".join((folder / f"{one}.lua").read_text("utf-8") for one in names)
        self.digest = hashlib.sha1(self.text.encode()).hexdigest()  # noqa: S324  (EVALSHA's choice)

    async def run(self, link: Asks, keys: Sequence[str], ask: Mapping[str, Any]) -> Reply:
        """Runs on the server, which may have forgotten it (restart, failover, SCRIPT FLUSH): then
        it goes there as a whole, by way of its keys, as a Cluster demands.

        `ask` arrives as ARGV[1], in JSON. Raises Refused, Unavailable.
        """
        argument = json.dumps(ask, separators=(",", ":"))
        rest: Sequence[str | int] = (len(keys), *keys, argument)
        try:
            return await link.ask("EVALSHA", self.digest, *rest)
        except Refused as error:
            if error.code != "NOSCRIPT":
                raise
        return await link.ask("EVAL", self.text, *rest)
