"""Read by Python before anything else in a process whose clock is faked (`tests.live.clocks`).

libfaketime 0.9.10 has `clock_nanosleep` fail with EINVAL for the way in which Python 3.11 sleeps; a
wait for nothing on no descriptors is left alone by it.
"""

from __future__ import annotations

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
