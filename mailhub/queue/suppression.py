"""Recipients that failed for good before: nothing is sent to them for a while.

Sending on and on to addresses that do not exist is what spammers do, and is judged so. Which
refusals count, and for how long, is configured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.core.suppressions import key
from mailhub.model.change import Actor
from mailhub.model.elsewhere import ELSEWHERE_LANES
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import RELAY_LANES, QueueEntry, Suppression
from mailhub.model.settings import QueueSettings
from mailhub.ports import Clock, Storage

ACTOR = Actor(source="queue")


ADMINISTRATORS = "5.7.1"
"""Status of what an administrator forbade (RFC 3463 3.8)."""


def _key(address: str) -> str:
    try:
        return key(address)
    except Invalid:
        return address.lower()


class Suppressions:
    """The list as the queue uses it."""

    def __init__(self, storage: Storage, clock: Clock, settings: QueueSettings) -> None:
        self._storage = storage
        self._clock = clock
        self._statuses = frozenset(settings.suppress)
        self._life = settings.suppress_time

    async def check(
        self, entries: Sequence[QueueEntry], listed: Sequence[Suppression]
    ) -> Mapping[int, Answer]:
        """What recipients among `entries` that are on the list are told, by the entry's number.
        Those whose time is over are taken off it."""
        if not listed:
            return {}
        keys = {entry.number: _key(entry.recipient) for entry in entries if not _is_relayed(entry)}
        since = int(self._clock.now()) - self._life
        answers = {}
        for one in listed:
            if not one.status or one.created > since:
                answers[one.key] = _answer(one)
                continue
            try:
                await self._storage.routes.unsuppress(one.key, ACTOR)
            except NotFound:
                continue  # somebody else was faster
        return {number: answers[name] for number, name in keys.items() if name in answers}

    async def heard(self, entry: QueueEntry, answer: Answer) -> None:
        """Lists a recipient that was refused for good. Raises Unavailable, StorageFull."""
        if _is_relayed(entry):
            return
        if answer.stage is Stage.RCPT and answer.status in self._statuses and answer.permanent:
            now = int(self._clock.now())
            one = Suppression(_key(entry.recipient), answer.status, answer.text, now)
            await self._storage.routes.suppress(one, ACTOR)


def _is_relayed(entry: QueueEntry) -> bool:
    """Whether its recipient is an address of ours: a relay's word on it holds for nobody else."""
    return entry.lane.startswith((*RELAY_LANES, *ELSEWHERE_LANES))


def _answer(one: Suppression) -> Answer:
    told = "Nothing is sent to this recipient any more"
    if one.reply:
        told += f"; it was refused with: {one.reply}" if one.status else f": {one.reply}"
    # No server said this now, so there is no reply code.
    return Answer(0, one.status or ADMINISTRATORS, told, Stage.RCPT)
