"""The page of an account's own sign-ins: who came in, who tried, and what was changed about it."""

from __future__ import annotations

from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, reads
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown

PAGE = 50
LOGIN = "authentication"
"""What the log calls a sign-in."""


class History:
    """The page."""

    def __init__(self, identity: Identity) -> None:
        self._log = identity.authlog

    @kept("GET", "/history", reads(Resource.AUTHLOG))
    async def look(self, visitor: Visitor) -> Answer:
        """Some of them, the newest first; `after`: older than that one; `what`: `all` for changes
        too."""
        asked = visitor.call.fields()
        after, everything = asked.get("after", ""), asked.get("what") == "all"
        rows, total = await self._log.page(
            visitor.account.number,
            before=int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0,
            limit=PAGE + 1,
            action="" if everything else LOGIN,
        )
        return shown(
            visitor,
            "history.html",
            rows=rows[:PAGE],
            total=total,
            everything=everything,
            login=LOGIN,
            more=rows[PAGE - 1].number if len(rows) > PAGE else 0,
        )
