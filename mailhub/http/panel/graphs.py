"""Administrators' page of how the server did: graphs, with their numbers as a table beneath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailhub.core.graphs import STEPS, Graphs
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.drawing import Graph, line, stacked
from mailhub.http.panel.own import shown
from mailhub.model.sample import DAY, Sample

GIB = 1 << 30
READS = Right(Resource.SYSTEM, Action.LIST)
KINDS = ("received", "submitted", "delivered", "deferred", "failed", "rejected")
"""In the order in which they stand on each other."""


@dataclass(frozen=True, slots=True)
class Level:
    """A graph of one number over time. `now`: the last one."""

    name: str
    graph: Graph
    now: float
    most: float


class GraphPages:
    """The page."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs

    @kept("GET", "/graphs", READS)
    async def look(self, visitor: Visitor) -> Answer:
        """Of 1, 7 or 30 days."""
        asked = visitor.call.fields().get("days", "1")
        days = int(asked) if asked in {str(one) for one in STEPS} else 1
        traffic = await self._graphs.traffic(days)
        levels = await self._graphs.levels(days)
        end = traffic[-1].at + traffic[-1].span
        start = end - days * DAY
        return shown(
            visitor,
            "graphs.html",
            days=days,
            choices=list(STEPS),
            kinds=KINDS,
            rows=[(one.at, [getattr(one.traffic, kind) for kind in KINDS]) for one in traffic],
            incoming=_bars(traffic, ("received", "submitted", "rejected")),
            outgoing=_bars(traffic, ("delivered", "deferred", "failed")),
            levels=[
                _level("queued", levels, start, end, lambda one: one.levels.queued),
                _level("oldest", levels, start, end, lambda one: one.levels.oldest // 60),
                _level("stored", levels, start, end, lambda one: round(one.levels.stored / GIB, 1)),
            ]
            if levels
            else [],
            room=levels[-1].levels.room if levels else 0,
        )


def _bars(traffic: Sequence[Sample], kinds: Sequence[str]) -> Graph:
    series = [(kind, [getattr(one.traffic, kind) for one in traffic]) for kind in kinds]
    return stacked([one.at for one in traffic], series)


def _level(
    name: str, levels: Sequence[Sample], start: int, end: int, value: Callable[[Sample], float]
) -> Level:
    values = [value(one) for one in levels]
    graph = line([one.at for one in levels], values, start, end)
    return Level(name, graph, values[-1], max(values))
