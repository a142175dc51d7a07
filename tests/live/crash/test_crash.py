"""The short crash run: what `make crash` and `points` do at length, a few of each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live.crash import disk, loop, points

pytestmark = pytest.mark.crash


def need_root_and_loop_devices(folder: Path) -> None:
    """Power cuts need both; CI has them, a developer's container may not."""
    if os.geteuid() or not disk.available(folder):
        pytest.skip("needs root and loop devices")


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    tally = loop.run(tmp_path, 8, "kill", seed=1)
    assert tally.problems == []
    assert tally.acknowledged > 10  # far more where the machine has nothing else to do


def test_power_cuts_lose_and_double_nothing(tmp_path: Path) -> None:
    need_root_and_loop_devices(tmp_path)
    tally = loop.run(tmp_path, 6, "cut", seed=2)
    assert tally.problems == []
    assert tally.acknowledged > 10  # far more where the machine has nothing else to do


@pytest.mark.parametrize("operation", ["accept", "move"])
@pytest.mark.parametrize("effect", list(points.EFFECTS))
def test_an_operation_cut_short_happens_wholly_or_not(
    tmp_path: Path, operation: str, effect: str
) -> None:
    met, problems = points.enumerate_points([operation], [effect], tmp_path, range(1, 3))
    assert problems == []
    assert met >= 3
