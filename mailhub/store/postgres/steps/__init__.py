"""How an older schema becomes the newest one, in steps that nodes of two versions can live through.

A step has two parts. `expand` adds (a table, a column that may be empty, an index), so that nodes
of the version before go on as they were; the first node of the new version does it when it starts.
`contract` takes away what only they needed, or holds the new form to its rule; it is done when
every node knows the step, and nodes that do not may not start any more. Its statements are the
store's, as the tables are.

An empty database is made as it is after all steps (`making`); a test compares the two. A step that
was in a release is never changed. `docs/decisions/schema-steps.md` tells how one is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """`number`: from 1, one more than the step before it. `name`: what it is for. `head`: the
    embedded store's revision (`schema.HEAD`) that comes to the same."""

    number: int
    name: str
    head: str
    expand: Sequence[str] = ()
    contract: Sequence[str] = ()


BASE = "0022"
"""The revision that the first release with PostgreSQL begins at."""
STEPS: tuple[Step, ...] = (
    Step(
        1,
        "how worn the index of mail is",
        "0022",
        expand=("ALTER TABLE search_build ADD COLUMN removed BIGINT NOT NULL DEFAULT 0",),
    ),
)
"""All of them since the first release that had PostgreSQL."""


def newest(steps: Sequence[Step]) -> int:
    """The number of the last one; 0 for none."""
    return max((step.number for step in steps), default=0)
