"""What the oracle learns of nodes that stood still."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.live.crash.counting import Taken
from tests.live.crash.departures import explained
from tests.live.faults.stalls import Stalls

LINE = (
    '{"time":"1999-01-01T00:00:00.000+00:00","verb":"reactor","outcome":"stalled","duration":2.5}\n'
)


@pytest.mark.crash
def test_a_stall_explains_what_left_meanwhile_and_nothing_long_before(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    stalls = Stalls(lambda: [log])
    stalls.start()
    try:
        assert stalls.take() == []
        logged = time.monotonic()
        log.write_text(LINE[:20])
        assert stalls.take() == []
        with log.open("a") as file:
            file.write(LINE[20:] + LINE.replace("stalled", "other"))
        found = stalls.take()
    finally:
        stalls.stop()
    assert (stalls.count, stalls.longest) == (1, 2.5)
    assert explained(Taken(logged - 1, logged - 1), found) is not None
    assert explained(Taken(logged - 60, logged - 60), found) is None
