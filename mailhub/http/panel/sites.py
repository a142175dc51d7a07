"""Administrators' page of the web: every name that is served, what it shows, and by whose leave."""

from __future__ import annotations

from mailhub.core.administration import Administration
from mailhub.core.rights import Action, Resource, Right
from mailhub.core.websites import Websites
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown

PAGE = 100
READS = Right(Resource.WEBSITES, Action.LIST)


class SitePages:
    """The page."""

    def __init__(self, websites: Websites, administration: Administration) -> None:
        self._websites = websites
        self._hosted = administration.hosted
        self._provisioning = administration.provisioning

    @kept("GET", "/web", READS)
    async def all(self, visitor: Visitor) -> Answer:
        """Names by their order, those led elsewhere too."""
        asked = visitor.call.fields()
        query, after = asked.get("query", "").strip().lower()[:200], asked.get("after", "")
        start = int(after) if after.isdecimal() and len(after) < 10 else 0
        names = [one for one in await self._hosted.all() if query in one.name]
        some = names[start : start + PAGE]
        sites = {one.name: one for one in await self._websites.all()}
        statuses = {one.name: one for one in await self._provisioning.statuses()}
        return shown(
            visitor,
            "web.html",
            rows=[(one, sites.get(one.name), statuses.get(one.name)) for one in some],
            total=len(names),
            query=query,
            more=start + PAGE if len(names) > start + PAGE else 0,
        )
