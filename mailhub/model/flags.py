"""Message flags: five system flags as bits, any number of keywords as names (RFC 9051 2.3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SEEN = 1
ANSWERED = 2
FLAGGED = 4
DELETED = 8
DRAFT = 16
SYSTEM_BITS = 0xFF
"""The low byte of a stored flag code; above it stands the number of the keyword set."""

SYSTEM_NAMES: dict[str, int] = {
    "\\Seen": SEEN,
    "\\Answered": ANSWERED,
    "\\Flagged": FLAGGED,
    "\\Deleted": DELETED,
    "\\Draft": DRAFT,
}
SYSTEM_BY_FOLDED = {name.lower(): bit for name, bit in SYSTEM_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Flags:
    """`system`: an or of the bits above. `keywords`: in first-seen spelling, sorted, and unique
    without regard to case."""

    system: int = 0
    keywords: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: list[str] | tuple[str, ...]) -> Flags:
        """Flags from IMAP spellings; `\\Recent` and unknown backslash names are dropped."""
        system = 0
        keywords: dict[str, str] = {}
        for name in names:
            folded = name.lower()
            if folded in SYSTEM_BY_FOLDED:
                system |= SYSTEM_BY_FOLDED[folded]
            elif not name.startswith("\\"):
                keywords.setdefault(folded, name)
        return cls(system, tuple(keywords[key] for key in sorted(keywords)))

    def names(self) -> tuple[str, ...]:
        """Every flag in its IMAP spelling, system flags first."""
        return (
            *(name for name, bit in SYSTEM_NAMES.items() if self.system & bit),
            *self.keywords,
        )

    def add(self, other: Flags) -> Flags:
        """The union; this side's spelling of a keyword wins."""
        if self.keywords and other.keywords:
            return Flags.of(self.names() + other.names())
        return Flags(self.system | other.system, self.keywords or other.keywords)

    def remove(self, other: Flags) -> Flags:
        """What is here and not in `other`."""
        gone = {keyword.lower() for keyword in other.keywords}
        return Flags(
            self.system & ~other.system,
            tuple(keyword for keyword in self.keywords if keyword.lower() not in gone),
        )


class FlagMode(Enum):
    """What STORE does with the given flags."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"
