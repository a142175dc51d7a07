"""What findings lead to: a table of values, made from the settings once.

Here and nowhere else does a finding's name meet a consequence. How a consequence is carried out
(a mailbox, a reply) is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mailhub.model.settings import PolicySettings
from mailhub.policy.step import Finding


class Consequence(Enum):
    """What becomes of a message, mildest first."""

    ADD = "add"
    """It is delivered, and its header says what was found."""
    JUNK = "junk"
    """It is delivered into the mailbox for junk."""
    QUARANTINE = "quarantine"
    """The same, marked as a possible fraud; and it goes to no other server."""
    DISCARD = "discard"
    """It is taken, and kept nowhere: its sender hears nothing. Only where a filter of others is
    set to say so."""
    DEFER = "defer"
    """Its sender is asked to come again later."""
    REJECT = "reject"
    """It is refused."""

    @property
    def weight(self) -> int:
        """Its place: of several consequences the heaviest counts."""
        return _ORDER[self]


_ORDER: Mapping[Consequence, int] = {one: weight for weight, one in enumerate(Consequence)}

UNAVAILABLE = "unavailable"
"""The finding of a step that could not tell."""
FAILED = "failed"
"""The finding of a step that broke."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`table`: (step, name) to consequence; what is not in it is only added. `levels`: sums of
    scores from which on a consequence applies."""

    table: Mapping[tuple[str, str], Consequence] = field(default_factory=dict)
    levels: tuple[tuple[float, Consequence], ...] = ()

    def of(self, finding: Finding) -> Consequence:
        """What this finding alone leads to."""
        return self.table.get((finding.step, finding.name), Consequence.ADD)

    def decide(self, findings: Sequence[Finding]) -> tuple[Consequence, Finding | None]:
        """What they lead to together, and the finding that decided; None: their sum, or nothing."""
        if not findings:
            return Consequence.ADD, None
        cause: Finding | None = max(findings, key=lambda one: self.of(one).weight)
        worst = self.of(cause) if cause is not None else Consequence.ADD
        total = sum(one.score for one in findings)
        for level, consequence in self.levels:
            if total >= level and consequence.weight > worst.weight:
                worst, cause = consequence, None
        return worst, cause if worst is not Consequence.ADD else None


def rules(
    settings: PolicySettings,
    more: Mapping[tuple[str, str], Consequence] | None = None,
    levels: tuple[tuple[float, Consequence], ...] = (),
) -> Rules:
    """The table that the settings ask for. `more`, `levels`: of optional steps."""
    table = {
        ("dmarc", "reject"): Consequence(settings.dmarc_reject),
        ("dmarc", "quarantine"): Consequence(settings.dmarc_quarantine),
        ("dmarc", "temperror"): Consequence(settings.dmarc_temperror),
        ("from", "malformed"): Consequence(settings.malformed_from),
        ("spf", "fail"): Consequence(settings.spf_fail),
    }
    return Rules({**table, **(more or {})}, levels)
