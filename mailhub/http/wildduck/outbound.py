"""WildDuck's call on mail that has not left yet: decode, one core call, encode."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mailhub.core.queue import Queue
from mailhub.core.rights import Resource, deletes
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, shapes
from mailhub.http.wildduck.shapes import Result, UserCall
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import NotFound
from mailhub.model.queue import QueueFilter


class QueuedCall(UserCall):
    """A call on one message under way, by the id that sending it answered with."""

    queue_id: Annotated[str, Field(min_length=1, max_length=64)]


class Stopped(Result):
    """How many recipients get it no more, and to how many it is going at this moment."""

    deleted: int
    busy: int


class Outbound:
    """The call."""

    def __init__(self, subjects: Subjects, queue: Queue) -> None:
        self._subjects = subjects
        self._queue = queue

    @route(
        "DELETE",
        "/users/<user>/outbound/<queueId>",
        about=About(takes=QueuedCall, answers={200: Stopped}),
        right=deletes(Resource.SUBMISSION),
    )
    async def stop(self, call: Call) -> Answer:
        """Takes a message of the user back, for the recipients that it has not reached."""
        wanted = shapes.read(QueuedCall, call)
        account = await self._subjects.of(wanted.user)
        which = QueueFilter(account=account.number, transaction=wanted.queue_id)
        try:
            acted = await self._queue.discard(which, shapes.actor(call, wanted))
        except NotFound:
            raise replies.Refusal(404, "MessageNotFound", "No such message is under way") from None
        return replies.shown(Stopped(deleted=acted.done, busy=acted.busy))
