"""A few faults of several nodes, the oracle beside; `make faults N=…` makes as many as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.live.faults.acts import ACTS, WITH_BUCKET, WITH_CLOCKS, WITH_PAIRS, Act
from tests.live.faults.loop import run
from tests.live.faults.nodes import Kind


@pytest.mark.crash
def test_a_node_dies_amid_its_work(tmp_path: Path) -> None:
    tally = run(tmp_path, 1, 1, 2, names=["node killed"])
    assert tally.problems == []
    assert tally.acknowledged > 0


@pytest.mark.scale
def test_every_fault_once(tmp_path: Path) -> None:
    tally = run(tmp_path, len(ACTS), 2, 3, names=list(ACTS))
    assert tally.problems == []
    assert tally.recoveries.keys() == ACTS.keys()
    assert tally.acknowledged > 0
    assert tally.delivered > 0


@pytest.mark.scale
@pytest.mark.parametrize(
    ("kind", "acts"),
    [
        (Kind(s3=True), WITH_BUCKET),
        (Kind(pairs=True), WITH_PAIRS),
        (Kind(clocks=True), WITH_CLOCKS),
    ],
)
def test_parts_that_not_all_have_fail(tmp_path: Path, kind: Kind, acts: Mapping[str, Act]) -> None:
    tally = run(tmp_path, 2 * len(acts), 3, 2, kind, list(acts))
    assert tally.problems == []
    assert tally.recoveries.keys() == acts.keys()
    assert tally.acknowledged > 0
