"""Processes that share one database, and what only one of them does at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class NodeState(Enum):
    """STARTING → SERVING → DRAINING (it takes nothing new) → DRAINED (it has nothing left)."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Node:
    """One process. `name`: no other one ever had it. `host`: the machine. `step`: the newest step
    of the schema that it knows, 0 where the store has none. `started`, `seen`: epoch milliseconds
    by the database's clock. `live`: whether it was heard of just now. `holds`: names of its leases.
    `own`: whether it is the one that tells this."""

    name: str
    host: str
    version: str
    step: int
    state: NodeState
    started: int
    seen: int
    addresses: Sequence[str] = ()
    live: bool = True
    holds: Sequence[str] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """Which turn of the lease `name` something is done in: each holder has a greater number than
    the one before."""

    name: str
    number: int
