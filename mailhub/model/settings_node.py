"""Settings of several processes that act as one server."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """`[node]`: this process among others that share store.database and redis.url."""

    __pydantic_config__ = STRICT

    share_ports: bool = setting(
        False,
        "listen on the same TCP and DNS ports as other processes of this machine that say so, too; "
        "each has a data folder of its own (twistd mailhub --data FOLDER)",
    )
