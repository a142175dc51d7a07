"""Administrators' page of the configuration: what is set, what it means, where it comes from."""

from __future__ import annotations

from mailhub.core.configured import Configured
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown

READS = Right(Resource.SYSTEM, Action.LIST)


class ConfiguredPages:
    """The page: all tables with what is set there, and one table whole."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured

    @kept("GET", "/settings", READS)
    async def all(self, visitor: Visitor) -> Answer:
        """Every table, and what somebody set; `table`: everything of that one."""
        wanted = visitor.call.fields().get("table", "")
        sections = self._configured.sections()
        return shown(
            visitor,
            "settings.html",
            file=self._configured.file,
            sections=sections,
            wanted=wanted,
            chosen=[one for one in sections if wanted and one.name.strip("[]") == wanted],
        )
