"""Flags as the journal's rows note them, so that who reads of a change later hears what it was and
not what became of it.

`{"flags": 1}` where all messages of the row have one code, `{"flags": [[1, "1:5"], [5, "7"]]}`
where they differ; nothing where none has any flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mailhub.model.uids import UidSet


def noted(rows: Sequence[tuple[int, int]], codes: set[int]) -> dict[str, object]:
    """For a row about these messages, (uid, flag code) sorted by UID. `codes`: those in `rows`."""
    if len(codes) <= 1:
        code = next(iter(codes), 0)
        return {"flags": code} if code else {}
    groups: dict[int, list[int]] = {}
    for uid, code in rows:
        groups.setdefault(code, []).append(uid)
    texts = [[code, UidSet.from_sorted(uids).text().decode()] for code, uids in groups.items()]
    return {"flags": texts}


class NotedFlags:
    """What a row notes."""

    def __init__(self, detail: Mapping[str, Any]) -> None:
        flags = detail.get("flags", 0)
        self._all = flags if isinstance(flags, int) else 0
        groups = [] if isinstance(flags, int) else flags
        self._groups = [(int(code), parsed(text)) for code, text in groups]

    def of(self, uid: int) -> int:
        """The message's flag code."""
        for code, uids in self._groups:
            if uid in uids:
                return code
        return self._all


def parsed(text: str) -> UidSet:
    """A sequence-set as `UidSet.text` writes it."""
    ranges = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        ranges.append((int(low), int(high or low)))
    return UidSet(tuple(ranges))
