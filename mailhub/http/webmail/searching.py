"""Search in all folders, by words and the operators of `wire.searchquery`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailhub.core.finding import Finding, Finds
from mailhub.core.listing import Extras, Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail import walking
from mailhub.http.webmail.frame import Frame, folder
from mailhub.http.webmail.lines import found as lines_of
from mailhub.http.webmail.lists import READS
from mailhub.http.webmail.walking import PAGE, Walk
from mailhub.model.errors import Invalid
from mailhub.model.indexed import Place, Span
from mailhub.model.listing import Page
from mailhub.wire import searchquery

FIELDS = ("from", "to", "subject", "after", "before")
"""Of the form beside the line: each is an operator of the same name."""
_MARKS = re.compile(r'[\s()":]+')


class Searching:
    """The page."""

    def __init__(
        self, frame: Frame, mailboxes: Mailboxes, listings: Listings, finds: Finds
    ) -> None:
        self._frame = frame
        self._mailboxes = mailboxes
        self._listings = listings
        self._finds = finds

    @kept("GET", "/search", READS)
    async def search(self, visitor: Visitor) -> Answer:
        """What was found, the newest first."""
        asked = visitor.call.fields()
        query = query_of(asked)
        if not query:
            return await self._nothing(visitor, query)
        how = walking.walk(asked)
        try:
            key = searchquery.parse(query, self._finds.now)
        except Invalid as error:
            return await self._nothing(visitor, query, error.text)
        account = visitor.account.number
        span = Span(PAGE, how.newer, _place(how))
        found = await self._finds.page(account, key, span)
        places = [(place.mailbox, place.uid) for place in found.places]
        listed = await self._listings.some(account, places, Extras())
        rows, ends = walking.framed(how, _page(found, how), listed)
        boxes = {
            box.number: (box.id, folder(box).label) for box in await self._mailboxes.all(account)
        }
        return await self._frame.shown(
            visitor,
            "mail/search.html",
            query=query,
            lines=lines_of(rows, boxes),
            ends=ends,
            total=found.total,
            problem="",
        )

    async def _nothing(self, visitor: Visitor, query: str, problem: str = "") -> Answer:
        return await self._frame.shown(
            visitor,
            "mail/search.html",
            400 if problem else 200,
            query=query,
            lines=(),
            ends=walking.Ends("", ""),
            total=0,
            problem=problem,
        )


def query_of(asked: Mapping[str, str]) -> str:
    """The line that was typed, with what stands in the fields of the longer form."""
    terms = [asked.get("q", "").strip()]
    for name in FIELDS:
        terms += [f"{name}:{word}" for word in _MARKS.split(asked.get(name, "")[:200]) if word]
    if asked.get("attachment"):
        terms.append("has:attachment")
    return " ".join(term for term in terms if term)[: searchquery.LENGTH]


def _place(how: Walk) -> Place | None:
    if how.start is None:
        return None
    if len(how.start) != 3:
        raise Invalid("There is no such place in the list")
    return Place(*how.start)


def _page(found: Finding, how: Walk) -> Page:
    ends = [(place.content, place.mailbox, place.uid) for place in found.places]
    start = how.start or ()
    return Page(
        (), ends[0] if ends else start, ends[-1] if ends else start, found.more, found.total
    )
