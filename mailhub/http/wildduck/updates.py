"""WildDuck's GET /users/{user}/updates: changes of an account as an EventSource stream."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mailhub.core.rights import Resource, reads
from mailhub.http.about import About
from mailhub.http.call import EVENTS, Answer, Call
from mailhub.http.feeds import Feeds
from mailhub.http.routing import route
from mailhub.http.wildduck import shapes
from mailhub.http.wildduck.subject import Subjects


class UpdatesCall(shapes.UserCall):
    """A listener. `last_event_id`: where he goes on; EventSource sends it as a header field, and
    who has no header fields as a parameter under either name."""

    last_event_id: Annotated[str, Field(max_length=255)] = ""
    last_event: Annotated[str, Field(max_length=255, alias="Last-Event-ID")] = ""


class Updates:
    """The call."""

    def __init__(self, subjects: Subjects, feeds: Feeds) -> None:
        self._subjects = subjects
        self._feeds = feeds

    @route(
        "GET",
        "/users/<user>/updates",
        about=About(takes=UpdatesCall, answers={200: None}, media=EVENTS),
        right=reads(Resource.UPDATES),
    )
    async def listen(self, call: Call) -> Answer:
        """Changes as they happen."""
        wanted = shapes.read(UpdatesCall, call)
        account = await self._subjects.of(wanted.user)
        last = call.header("last-event-id") or wanted.last_event_id or wanted.last_event
        stream = await self._feeds.stream(account.number, account.auth_version, last)
        return Answer(200, type=EVENTS, headers=(("X-Accel-Buffering", "no"),), stream=stream)
