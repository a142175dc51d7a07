"""Administrators' pages of messages' ways: finding one, and its whole story."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Sequence

from mailhub.core.rights import Action, Resource, Right
from mailhub.core.story import Line, Stories, sought
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import Invalid, MailhubError
from mailhub.model.story import Part

PAGE = 50
READS = Right(Resource.SYSTEM, Action.LIST)
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


class StoryPages:
    """The pages."""

    def __init__(self, stories: Stories) -> None:
        self._stories = stories

    @kept("GET", "/messages", READS)
    async def find(self, visitor: Visitor) -> Answer:
        """Messages that were taken, tried or refused by others, newest first."""
        asked = visitor.call.fields()
        names = ("query", "part", "since", "until")
        wanted = {name: asked.get(name, "").strip()[:500] for name in names}
        before = asked.get("before", "")
        problem, more = "", 0
        lines: Sequence[Line] = ()
        try:
            looked = sought(
                wanted["query"], wanted["part"], moment(wanted["since"]), moment(wanted["until"])
            )
            start = int(before) if before.isdecimal() and len(before) < 19 else 0
            found = await self._stories.search(looked, before=start, limit=PAGE)
            lines, more = found.lines, found.before
        except MailhubError as error:
            problem = error.text
        return shown(
            visitor,
            "messages.html",
            400 if problem else 200,
            wanted=wanted,
            parts=[one.value for one in Part],
            lines=lines,
            more=more,
            problem=problem,
        )

    @kept("GET", "/messages/<transaction>", READS)
    async def tell(self, visitor: Visitor) -> Answer:
        """One message's."""
        story = await self._stories.tell(visitor.call.arguments["transaction"])
        return shown(visitor, "message.html", story=story)


def moment(text: str) -> int:
    """Epoch seconds of what a browser's field for date and time sends, in UTC; 0 for nothing.
    Raises Invalid."""
    if not text:
        return 0
    try:
        if not _FORM.match(text):
            raise ValueError
        return calendar.timegm(time.strptime(text[:16], "%Y-%m-%dT%H:%M"))
    except ValueError:
        raise Invalid("A time is a date and an hour, such as 2026-01-31T12:00", "since") from None
