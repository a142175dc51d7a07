"""What is remembered by numbers that the store gave: gone when nobody knows what became of them.

A database that went back gives its numbers anew, and what was remembered is another message's.
Caches that news keep right, or that are made of what their key says, need nothing of this.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from mailhub.model.change import Change, Missed
from mailhub.ports import Storage


def forgotten_when_missed(storage: Storage, memory: MutableMapping[Any, Any]) -> None:
    """Empties `memory` when commits were missed, as long as the process lives."""

    def heard(changes: Sequence[Change]) -> None:
        if any(isinstance(one, Missed) for one in changes):
            memory.clear()

    storage.watch(heard)
