"""WildDuck's search: decode, one core call, encode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mailhub.core.finding import Finding, Finds
from mailhub.core.listing import Extras, Listed, Listings
from mailhub.core.rights import Resource, reads
from mailhub.core.viewing import Views
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import places, replies, search_shapes, shapes
from mailhub.http.wildduck.message_answers import listed_message
from mailhub.http.wildduck.message_shapes import heads_of
from mailhub.http.wildduck.messages import Boxes
from mailhub.model.indexed import Place, Span
from mailhub.model.listing import Boundary, Page

Headers = dict[tuple[int, int], dict[str, list[str]]]


class Search:
    """The call."""

    def __init__(self, boxes: Boxes, finds: Finds, listings: Listings, views: Views) -> None:
        self._boxes = boxes
        self._finds = finds
        self._listings = listings
        self._views = views

    @route(
        "GET",
        "/users/<user>/search",
        about=About(takes=search_shapes.Search, answers={200: search_shapes.SearchListing}),
        right=reads(Resource.MESSAGES),
    )
    async def search(self, call: Call) -> Answer:
        """Messages of all mailboxes but Trash and Junk, the newest first; of those, too, where
        they are named or `searchable` is false."""
        wanted = shapes.read(search_shapes.Search, call)
        key = wanted.key(self._finds.now)
        how = places.walk(wanted)
        account = await self._boxes.account(wanted.user)
        boxes = await self._boxes.ids(account)
        if wanted.mailbox is not None and wanted.mailbox not in boxes.values():
            raise replies.no_such_mailbox()
        start = how.stretch.start
        heads = heads_of(wanted.collapse_threads, wanted.order)
        span = Span(wanted.limit, how.stretch.newer, _place(start), heads)
        found = await self._finds.page(
            account.number, key, span, everywhere=wanted.searchable is False
        )
        rows, frame = places.framed(
            wanted,
            how,
            _page(found, start or ()),
            await self._listed(account.number, found, wanted),
        )
        headers = await self._headers(account.number, rows, wanted.include_headers)
        results = [
            listed_message(
                row,
                boxes[row.row.mailbox],
                metadata=wanted.meta_data,
                threads=wanted.thread_counters,
                collapsed=wanted.collapse_threads,
                headers=headers.get((row.row.mailbox, row.row.number)),
            )
            for row in rows
            if row.row.mailbox in boxes
        ]
        return replies.shown(
            search_shapes.SearchListing.model_validate(
                {**frame, "query": wanted.q or wanted.query, "results": results}
            )
        )

    async def _listed(
        self, account: int, found: Finding, wanted: search_shapes.Search
    ) -> Sequence[Listed]:
        extras = Extras(wanted.thread_counters, wanted.meta_data, wanted.collapse_threads)
        those = [(place.mailbox, place.uid) for place in found.places]
        return await self._listings.some(account, those, extras)

    async def _headers(self, account: int, rows: Sequence[Listed], names: list[str]) -> Headers:
        """The header fields that are asked for, by mailbox and UID."""
        uids: dict[int, list[int]] = defaultdict(list)
        for row in rows if names else ():
            uids[row.row.mailbox].append(row.row.number)
        headers: Headers = {}
        for mailbox, those in uids.items():
            there = await self._views.headers(account, mailbox, those, names)
            headers |= {(mailbox, uid): there.get(uid, {}) for uid in those}
        return headers


def _place(start: Boundary | None) -> Place | None:
    """A cursor's place. One of another list is none: the search begins anew."""
    return Place(*start) if start is not None and len(start) == 3 else None


def _page(found: Finding, start: Boundary) -> Page:
    ends = [(place.content, place.mailbox, place.uid) for place in found.places]
    return Page(
        (),
        ends[0] if ends else start,
        ends[-1] if ends else start,
        found.more,
        found.total,
    )
