"""Graphs as numbers."""

from __future__ import annotations

import pytest

from mailhub.http.panel.drawing import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, ceiling, line, stacked


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (1, 1), (1.5, 2), (2, 2), (3, 3), (7, 8), (9, 10), (11, 15), (101, 150), (223.6, 250)],
)
def test_an_axis_ends_at_a_round_number(most: float, top: int) -> None:
    assert ceiling(most) == top


def test_bars_stand_on_each_other_inside_the_graph() -> None:
    graph = stacked([0, 60, 120], [("a", [1, 0, 3]), ("b", [2, 0, 5])])
    assert [bar.kind for bar in graph.bars] == ["a", "b", "a", "b"]
    first, second = graph.bars[0], graph.bars[1]
    assert first.x == second.x == LEFT
    assert second.y + second.height == pytest.approx(first.y, abs=0.2)
    assert min(bar.y for bar in graph.bars) == TOP
    assert max(bar.x + bar.width for bar in graph.bars) <= WIDTH
    assert [row.value for row in graph.rows] == [0, 4, 8]


def test_a_line_goes_from_its_start_to_its_end() -> None:
    graph = line([0, 100], [0, 10], 0, 100)
    floor = HEIGHT - BOTTOM
    assert graph.line == f"{LEFT},{floor} {WIDTH},{TOP}"
    assert graph.area.startswith(f"{LEFT},{floor} ")
    assert graph.area.endswith(f" {WIDTH},{floor}")
    assert len(line([50], [1], 0, 100).line.split()) == 2, "one number is seen, too"
    assert line([], [], 0, 100).line == ""
    assert stacked([], []).bars == []
