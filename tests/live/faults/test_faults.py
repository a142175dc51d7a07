"""A few faults of several nodes, the oracle beside; `make faults N=…` makes as many as wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.faults.acts import ACTS, WITH_BUCKET
from tests.live.faults.loop import run


@pytest.mark.crash
def test_a_node_dies_amid_its_work(tmp_path: Path) -> None:
    tally = run(tmp_path, 1, 1, 2, s3=False, names=["node killed"])
    assert tally.problems == []
    assert tally.acknowledged > 0


@pytest.mark.scale
def test_every_fault_once(tmp_path: Path) -> None:
    tally = run(tmp_path, len(ACTS), 2, 3, s3=False, names=list(ACTS))
    assert tally.problems == []
    assert tally.recoveries.keys() == ACTS.keys()
    assert tally.acknowledged > 0
    assert tally.delivered > 0


@pytest.mark.scale
def test_the_bucket_fails(tmp_path: Path) -> None:
    tally = run(tmp_path, 2 * len(WITH_BUCKET), 3, 2, s3=True, names=list(WITH_BUCKET))
    assert tally.problems == []
    assert tally.acknowledged > 0
