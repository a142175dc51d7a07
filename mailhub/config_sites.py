"""What types cannot say of `[[site]]`: expressions, URLs and paths that are some."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Invalid
from mailhub.model.settings_sites import SiteSettings
from mailhub.wire.siterules import rules

Fault = tuple[tuple[str | int, ...], str]


def faults(sites: Sequence[SiteSettings]) -> list[Fault]:
    """Where the faults are and what to tell of them."""
    problems: list[Fault] = []
    for number, one in enumerate(sites):
        try:
            rules(one)
        except Invalid as error:
            place = ("site", number, error.field)
            problems.append((place, f"site[{number + 1}].{error.field}: {error.text}"))
    return problems
