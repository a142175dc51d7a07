"""How long one session's attack keeps another session waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.conftest import User
from tests.live.pace import starved
from tests.live.server import Server
from tests.live.wire import IMAP

STALL = 0.5
"""Seconds that another session's NOOP may take while a bomb goes off: far above what a busy machine
adds, far below what a bomb that works takes."""


@contextmanager
def no_stall(server: Server, user: User) -> Iterator[None]:
    """Meanwhile another session says NOOP all the time; fails when one answer took too long.

    What the machine itself kept the server or us waiting for a processor does not count.
    """
    worst = [0.0]
    stop = threading.Event()
    with IMAP(server.port("imap"), user.address, user.password) as other:

        def knock() -> None:
            ours = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
            theirs = Path(f"/proc/{server.pid}/schedstat")
            while not stop.wait(0.005):
                held = starved(ours) + starved(theirs)
                start = time.monotonic()
                other.say(b"NOOP")
                waited = time.monotonic() - start
                if waited > worst[0]:
                    held = starved(ours) + starved(theirs) - held
                    worst[0] = max(worst[0], waited - held)

        thread = threading.Thread(target=knock)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    assert worst[0] < STALL, f"another session waited {worst[0] * 1000:.0f} ms"
