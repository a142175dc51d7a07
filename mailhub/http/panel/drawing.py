"""Graphs as numbers for SVG: where lines go, how high bars are, what stands at the axes.

Pure arithmetic; colors are the style sheet's, markup the template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 160
LEFT, TOP, BOTTOM = 60, 8, 20
"""Room at the sides of what is drawn, for the axes' words."""
_STEPS = (10, 15, 20, 25, 30, 40, 50, 60, 80)
"""Tenths of what an axis may reach; a graph is never lower than half of it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar. `kind`: the class of its color."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of an axis. `value`: what it stands for."""

    at: float
    value: int


@dataclass(frozen=True, slots=True)
class Graph:
    """`rows`: lines across, by value; `columns`: places below, by epoch seconds. `bars` and `line`:
    one of them is empty."""

    rows: Sequence[Tick]
    columns: Sequence[Tick]
    bars: Sequence[Bar] = ()
    line: str = ""
    area: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def ceiling(most: float) -> int:
    """The smallest round number that is not below `most`, at least 1."""
    size = 1
    while True:
        for step in _STEPS:
            top = step * size / 10
            if top >= most and top.is_integer():
                return int(top)
        size *= 10


def stacked(
    times: Sequence[int], series: Sequence[tuple[str, Sequence[int]]], marks: int = 6
) -> Graph:
    """Bars, each of which is made of the values of all `series` at its time, by their names."""
    sums = [sum(values[place] for _, values in series) for place in range(len(times))]
    top = ceiling(max(sums, default=0))
    each = (WIDTH - LEFT) / max(1, len(times))
    bars: list[Bar] = []
    for place in range(len(times)):
        floor = float(HEIGHT - BOTTOM)
        for kind, values in series:
            height = values[place] / top * (HEIGHT - TOP - BOTTOM)
            if height > 0:
                floor -= height
                x = LEFT + place * each
                bars.append(Bar(kind, _short(x), _short(floor), _short(each * 0.8), _short(height)))
    columns = _columns(times, [LEFT + (place + 0.4) * each for place in range(len(times))], marks)
    return Graph(_rows(top), columns, bars)


def line(times: Sequence[int], values: Sequence[float], start: int, end: int) -> Graph:
    """One line from `start` to `end`, with what is below it."""
    top = ceiling(max(values, default=0))
    wide = max(1, end - start)
    points = [
        (
            _short(LEFT + (at - start) / wide * (WIDTH - LEFT)),
            _short(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)),
        )
        for at, value in zip(times, values, strict=True)
    ]
    if len(points) == 1:  # a line needs two
        points.append((_short(points[0][0] + 3), points[0][1]))
    drawn = " ".join(f"{x:g},{y:g}" for x, y in points)
    floor = HEIGHT - BOTTOM
    area = f"{points[0][0]:g},{floor} {drawn} {points[-1][0]:g},{floor}" if points else ""
    marks = [start + wide * place // 6 for place in range(6)]
    columns = [Tick(_short(LEFT + (at - start) / wide * (WIDTH - LEFT)), at) for at in marks]
    return Graph(_rows(top), columns, line=drawn, area=area)


def _rows(top: int) -> list[Tick]:
    span = HEIGHT - TOP - BOTTOM
    wanted = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return [Tick(_short(HEIGHT - BOTTOM - value / top * span), value) for value in wanted]


def _columns(times: Sequence[int], places: Sequence[float], marks: int) -> list[Tick]:
    step = max(1, len(times) // marks)
    return [Tick(_short(places[at]), times[at]) for at in range(0, len(times), step)]


def _short(value: float) -> float:
    return round(value, 1)
