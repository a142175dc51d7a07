"""LIST patterns (RFC 9051 6.3.9): `*` is any text, `%` any text without the separator.

Matching takes time linear in the name for any pattern, so that no pattern can be a bomb.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[str], bool]
WILDCARDS = re.compile(r"[*%]+")
INBOX = "INBOX"


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Matches:
    """A test for names. INBOX, as a name or as the first level, matches in any case."""
    folded = pattern.upper()
    if folded.startswith(INBOX) and folded[5:6] in ("", "/", "*", "%"):
        pattern = INBOX + pattern[5:]
    matches = _plain(pattern)
    matches_inbox = _plain(folded)(INBOX) or matches(INBOX)

    def test(name: str) -> bool:
        return matches_inbox if name == INBOX else matches(name)

    return test


def _plain(pattern: str) -> Matches:
    pattern = WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    if pattern == "*":
        return lambda name: True
    if pattern == "%":
        return lambda name: "/" not in name
    wildcards = pattern.count("*") + pattern.count("%")
    if not wildcards:
        return lambda name: name == pattern
    if wildcards == 1:
        # One wildcard has one place to end, so a regular expression has nothing to try twice.
        parts = map(re.escape, re.split("[*%]", pattern))
        gap = "[^/]*" if "%" in pattern else ".*"
        fullmatch = re.compile(gap.join(parts), re.DOTALL).fullmatch
        return lambda name: fullmatch(name) is not None
    return _Automaton(pattern).matches


class _Automaton:
    """All positions in the pattern that a name's beginning can have reached, as the bits of one
    integer: one step a character, whatever the pattern is."""

    __slots__ = ("_accept", "_any", "_letters", "_start", "_stay", "_stay_within")

    def __init__(self, pattern: str) -> None:
        self._letters: dict[str, int] = {}
        self._stay = self._stay_within = 0
        bit = 1
        for letter in pattern:
            if letter == "*":
                self._stay |= bit
            elif letter == "%":
                self._stay_within |= bit
            else:
                self._letters[letter] = self._letters.get(letter, 0) | bit
            bit <<= 1
        self._accept = bit
        self._any = self._stay | self._stay_within
        self._start = self._closed(1)

    def _closed(self, positions: int) -> int:
        """With the positions behind wildcards, which may stand for nothing; two never adjoin."""
        return positions | (positions & self._any) << 1

    def matches(self, name: str) -> bool:
        positions = self._start
        letters, stay, within = self._letters, self._stay, self._stay_within
        for letter in name:
            staying = positions & (stay if letter == "/" else stay | within)
            positions = staying | (positions & letters.get(letter, 0)) << 1
            positions |= (positions & self._any) << 1
            if not positions:
                return False
        return bool(positions & self._accept)
