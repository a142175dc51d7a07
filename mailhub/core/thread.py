"""Reads what threading needs of the messages that a search found, and runs it in turns.

The algorithms stand in `threads`, which waits for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.collation import fold
from mailhub.core.rows import rendered_rows
from mailhub.core.search import Found
from mailhub.core.selected_view import SelectedView
from mailhub.core.threads import Node, Threadable, threading
from mailhub.core.turns import Turns, run
from mailhub.model.message import Rendered
from mailhub.model.search import ThreadAlgorithm
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage
from mailhub.wire import subject


class Threading:
    """Threads what a search found."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def thread(
        self, view: SelectedView, found: Found, algorithm: ThreadAlgorithm, *, uid: bool
    ) -> list[Node]:
        """The threads of `found`, of UIDs or of message numbers. Messages that went meanwhile are
        left out."""
        turns = Turns(self._clock)
        rows = view.rows(view.uid_spans(UidSet.from_sorted(found.uids)))
        messages: list[Threadable] = []
        names: Sequence[int] = rows.uids if uid else rows.numbers
        place_of = {number: place for place, number in enumerate(rows.uids)}

        def take(number: int, rendered: Rendered) -> None:
            place = place_of[number]
            messages.append(_threadable(names[place], rendered, rows.dates[place]))

        await rendered_rows(self._storage.messages, view.box, rows.uids, rows.sizes, take, turns)
        return await run(threading(algorithm, messages), turns)


def _threadable(number: int, rendered: Rendered, arrived: int) -> Threadable:
    base, reply = subject.split(rendered.subject)
    sent = arrived if rendered.sent_at is None else rendered.sent_at
    return Threadable(
        number, rendered.message_id, rendered.references, fold(base), reply, sent, arrived
    )
