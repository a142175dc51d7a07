"""TCP ports for servers of tests and benches."""

from __future__ import annotations

import random
import socket

LOWEST, PAST = 20_000, 32_768
"""Below those that the system gives to connections that go out: one of these would have the port of
a server that is not there yet, or is started anew."""
_chance = random.SystemRandom()


def free_port() -> int:
    """One that nobody has at this moment."""
    while True:
        port = _chance.randrange(LOWEST, PAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
