"""What administrators are shown of the whole server, as one part: joined here, each in its own
file."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.core.configured import Configured
from mailhub.core.graphs import Graphs
from mailhub.core.logins import LoginLog
from mailhub.core.records import Records
from mailhub.core.reportsummary import Summaries
from mailhub.core.story import Stories
from mailhub.core.suppressions import Suppressions


@dataclass(frozen=True, slots=True)
class Oversight:
    """All of it."""

    stories: Stories
    graphs: Graphs
    logins: LoginLog
    records: Records
    suppressions: Suppressions
    summaries: Summaries
    configured: Configured
