"""When a message that comes into a mailbox now leaves it again: one rule, for every way in."""

from __future__ import annotations


def expires(now: int, retention: int) -> int:
    """Epoch seconds, 0 for never. `retention`: of the mailbox, in milliseconds."""
    return now - (-retention // 1000) if retention else 0
