"""What applications want done with messages: marked, moved, given an end, deleted, had back.

Each order names any number of messages; it is carried out in commits of a bounded size, in the
order of UIDs, so that a mailbox of a hundred thousand messages holds nobody up. All that is wanted
of one message is done in one commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.messages import check
from mailhub.model.change import Actor
from mailhub.model.errors import NotFound
from mailhub.model.listing import Arrangement, Restored
from mailhub.model.mailbox import Mailbox
from mailhub.model.settings import ArchiveSettings
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage

STEP = 1000
"""Messages of one commit: less than the store would set aside to be swept later."""
DEFAULT = ArchiveSettings()


@dataclass(frozen=True, slots=True)
class Done:
    """How many messages there were, and the (old, new) UIDs of those that were moved."""

    count: int
    moved: Sequence[tuple[int, int]] = ()


class Arranging:
    """For the whole process."""

    def __init__(self, storage: Storage, clock: Clock, settings: ArchiveSettings = DEFAULT) -> None:
        self._storage = storage
        self._clock = clock
        self._settings = settings

    async def arrange(self, box: Mailbox, uids: UidSet, wanted: Arrangement, actor: Actor) -> Done:
        """Does all of `wanted` with the messages that exist. Raises NotFound (destination),
        LimitReached, StorageFull, Unavailable: commits before that one stay."""
        check(wanted.add)
        count, moved = 0, list[tuple[int, int]]()
        left = _known(box, uids)
        while some := await self._some(box, left):
            chosen = UidSet.from_sorted(some)
            copied = await self._storage.archive.arrange(
                box.account, box.number, chosen, wanted, actor
            )
            count += len(some)
            if copied is not None:
                moved += zip(copied.source, copied.destination, strict=True)
            left = _behind(left, some[-1])
        return Done(count, moved)

    async def delete(self, box: Mailbox, uids: UidSet, actor: Actor, *, keep: bool = True) -> int:
        """Takes messages out of their mailbox; how many. `keep`: all but drafts can be had back.
        Raises StorageFull, Unavailable."""
        count = 0
        left = _known(box, uids)
        while some := await self._some(box, left):
            gone, _ = await self._storage.messages.expunge(
                box.account,
                box.number,
                UidSet.from_sorted(some),
                actor,
                only_deleted=False,
                keep=keep and self._settings.keep > 0,
            )
            count += len(gone)
            left = _behind(left, some[-1])
        return count

    async def _some(self, box: Mailbox, wanted: UidSet) -> Sequence[int]:
        if not wanted:
            return ()
        return await self._storage.listings.uids(box.account, box.number, wanted, STEP)

    # -- the archive

    async def restore(
        self, account: int, number: int, box: Mailbox | None, actor: Actor
    ) -> Restored:
        """Puts a deleted message into `box`, or where it was, or into the INBOX. Raises NotFound,
        OverQuota, StorageFull, Unavailable."""
        target = box.number if box is not None else None
        back = await self._storage.archive.restore(account, [number], target, actor)
        if not back:
            raise NotFound("This message does not exist")
        return back[0]

    async def restore_all(self, account: int, start: int, end: int, actor: Actor) -> int:
        """What was deleted from `start` to `end`, in epoch seconds, goes back to where it was; how
        many. Raises OverQuota, StorageFull, Unavailable: commits before that one stay."""
        count = after = 0
        archive = self._storage.archive
        while some := await archive.numbers(account, start, end, after, STEP):
            count += len(await archive.restore(account, some, None, actor))
            after = some[-1]
        return count

    async def sweep(self) -> None:
        """Lets go of what was kept long enough, a bounded number a commit."""
        before = int(self._clock.now()) - self._settings.keep
        while await self._storage.archive.purge(before):
            await self._clock.pause()


def _known(box: Mailbox, uids: UidSet) -> UidSet:
    """Without UIDs that the mailbox has not given yet: what is moved to it again comes there."""
    return uids.minus(UidSet(((box.uidnext, max(box.uidnext, 1 << 33)),)))


def _behind(uids: UidSet, last: int) -> UidSet:
    return uids.minus(UidSet(((1, last),)))
