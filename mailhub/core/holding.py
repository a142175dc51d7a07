"""Mail that is to leave later (RFC 4865): until when it may be held back.

What it waits for, and where, is the queue's; who may ask for it, the submission service's.
"""

from __future__ import annotations

from mailhub.model.envelope import Hold
from mailhub.model.errors import Invalid
from mailhub.ports import Clock


class Holding:
    """`most`: seconds; 0: nothing is held back."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most

    @property
    def offered(self) -> bool:
        """Whether mail can be held back."""
        return self._most > 0

    @property
    def limits(self) -> tuple[int, int]:
        """The longest time in seconds, and the latest one in epoch seconds."""
        return self._most, int(self._clock.now()) + self._most

    def until(self, hold: Hold) -> int:
        """When what came with this wish may leave, epoch seconds. Raises Invalid: later than is
        allowed, or past already, which a writer of letters for tomorrow did not mean."""
        now = int(self._clock.now())
        until = now + hold.seconds if hold.seconds else hold.until
        if until > now + self._most:
            raise Invalid("It cannot be held back for so long")
        if until <= now:
            raise Invalid("The time that it was to be held back until is past")
        return until
