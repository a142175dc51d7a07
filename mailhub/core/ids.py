"""Identifiers: of stored things and of SMTP transactions.

Clients sort and show these ids, so their form is fixed here and nowhere else. No meaning may be
read back out of an id.
"""

from __future__ import annotations

from mailhub.ports import Clock, Randomness

SEQUENCE = 0x10000
"""Transactions that fit into one millisecond before the next is borrowed."""


class Ids:
    """Makes ids from a clock and unpredictable bytes."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness
        self._process = randomness.token(8).hex()
        self._last = 0

    def new(self) -> str:
        """24 lower-case hex digits: 4 bytes of time in seconds, then 8 random bytes."""
        seconds = int(self._clock.now()) & 0xFFFFFFFF
        return f"{seconds:08x}{self._randomness.token(8).hex()}"

    def transaction(self) -> str:
        """32 lower-case hex digits that grow with time, also when the clock steps back.

        Milliseconds (12), a sequence number (4), then what is random per process (16): no two
        processes, one after the other or side by side, make the same.
        """
        moment = int(self._clock.now() * 1000) * SEQUENCE
        self._last = moment if moment > self._last else self._last + 1
        return f"{self._last & 0xFFFFFFFFFFFFFFFF:016x}{self._process}"
