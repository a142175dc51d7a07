"""How long one session's attack keeps another session waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.live.conftest import User
from tests.live.server import Server
from tests.live.wire import IMAP

STALL = 0.1
"""Seconds that another session's NOOP may take while a bomb goes off."""


@contextmanager
def no_stall(server: Server, user: User) -> Iterator[None]:
    """Meanwhile another session says NOOP all the time; fails when one answer took too long."""
    worst = [0.0]
    stop = threading.Event()
    with IMAP(server.port("imap"), user.address, user.password) as other:

        def knock() -> None:
            while not stop.wait(0.005):
                start = time.monotonic()
                other.say(b"NOOP")
                worst[0] = max(worst[0], time.monotonic() - start)

        thread = threading.Thread(target=knock)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    assert worst[0] < STALL, f"another session waited {worst[0] * 1000:.0f} ms"
