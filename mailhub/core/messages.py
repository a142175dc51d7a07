"""What a principal does with messages in mailboxes: append, flag, copy, move, expunge, replace.

One call, one transaction of the store, however many messages it names. The rules that hold for
every face are here: what a new message is rendered into, what becomes of its flags and date. How
messages are named, and what a client is told, is the faces' affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailhub.core.memories import forgotten_when_missed
from mailhub.core.reading import Reading
from mailhub.core.sealing import Sealing
from mailhub.core.search import Found, Progress, Searches
from mailhub.core.selected_view import SelectedView
from mailhub.core.sort import Sorts
from mailhub.core.thread import Threading
from mailhub.core.threads import Node
from mailhub.model.change import Actor
from mailhub.model.errors import LimitReached
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Arrival, Copied, Rendered, Stored
from mailhub.model.search import SearchKey, SortKey, ThreadAlgorithm
from mailhub.model.uids import UidSet
from mailhub.ports import Body, Clock, Storage
from mailhub.wire import rendering

KEYWORDS = 100
"""Most keywords that one command may name."""
KEYWORD_LENGTH = 200
"""Most characters of a keyword."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to store. `date`: INTERNALDATE in epoch seconds, None for now. The caller keeps
    `body` and closes it."""

    body: Body
    flags: Flags
    date: int | None = None


class Messages:
    """The operations; mailboxes are looked up and permitted by the caller. `keep_expunged`: in
    the archive. `sealing`: encrypts what comes in for who wants that; None: for nobody."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        *,
        keep_expunged: bool = False,
        sealing: Sealing | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._keep_expunged = keep_expunged
        self._sealing = sealing
        self.reading = Reading(storage, clock)
        forgotten_when_missed(storage, self.reading.structures)
        self._searches = Searches(storage, self.reading, clock)
        self._sorts = Sorts(storage, clock)
        self._threading = Threading(storage, clock)

    # -- in

    async def append(
        self,
        mailbox: Mailbox,
        messages: Sequence[NewMessage],
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> Sequence[Arrival]:
        """All of `messages` or none (RFC 3502). `replaces`: (mailbox, uid) that goes in the same
        commit (RFC 8508). Raises OverQuota, NotFound, StorageFull, Unavailable, LimitReached."""
        now = int(self._clock.now())
        ready: list[tuple[Body, Rendered, Flags, int]] = []
        made: list[Body] = []
        try:
            for message in messages:
                check(message.flags)
                date = now if message.date is None else message.date
                body = await self.kept(mailbox.account, message.body, message.flags)
                if body is not message.body:
                    made.append(body)
                ready.append((body, await self.render(body), message.flags, date))
            return await self._storage.messages.append(
                mailbox.account, mailbox.number, ready, actor, replaces=replaces
            )
        finally:
            for body in made:
                body.close()

    async def add(
        self,
        mailbox: Mailbox,
        message: NewMessage,
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> tuple[Arrival, int]:
        """As `append`, of one message: where it went, and the octets that were stored of it."""
        body = await self.kept(mailbox.account, message.body, message.flags)
        try:
            stored = replace(message, body=body)
            (arrival,) = await self.append(mailbox, [stored], actor, replaces=replaces)
            return arrival, body.size
        finally:
            if body is not message.body:
                body.close()

    async def kept(self, account: int, body: Body, flags: Flags) -> Body:
        """A message as this account keeps it: `body` itself, or another one, which the caller
        closes. Raises StorageFull, Unavailable."""
        return body if self._sealing is None else await self._sealing.kept(account, body, flags)

    async def render(self, body: Body) -> Rendered:
        """Renders in turns, so that a large message does not hold up other sessions."""
        return await self.reading.run(rendering.rendering(body.view()))

    # -- flags

    async def store_flags(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        mode: FlagMode,
        flags: Flags,
        actor: Actor,
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        """Changes flags; UIDs that are not there are ignored. Raises NotFound, LimitReached."""
        check(flags)
        if not uids:
            return Stored(0, ())
        return await self._storage.messages.store_flags(
            account, mailbox, uids, mode, flags, actor, unchanged_since=unchanged_since
        )

    # -- which

    async def find(
        self, view: SelectedView, key: SearchKey, progress: Progress | None = None
    ) -> Found:
        """What matches `key`, in mailbox order. Raises Unavailable, Corrupt."""
        return await self._searches.find(view, key, progress)

    async def sort(self, view: SelectedView, found: Found, order: Sequence[SortKey]) -> Found:
        """`found` in `order` (RFC 5256)."""
        return await self._sorts.sort(view, found, order)

    async def thread(
        self, view: SelectedView, found: Found, algorithm: ThreadAlgorithm, *, uid: bool
    ) -> list[Node]:
        """`found` as threads, of UIDs or of message numbers (RFC 5256)."""
        return await self._threading.thread(view, found, algorithm, uid=uid)

    # -- elsewhere and out

    async def copy(
        self, account: int, mailbox: int, uids: UidSet, destination: Mailbox, actor: Actor
    ) -> Copied:
        """Copies what exists of `uids`, with flags and dates; all or nothing. Raises OverQuota,
        NotFound, StorageFull."""
        return await self._storage.messages.copy(account, mailbox, uids, destination.number, actor)

    async def move(
        self, account: int, mailbox: int, uids: UidSet, destination: Mailbox, actor: Actor
    ) -> Copied:
        """The same in one commit with the removal here (RFC 6851)."""
        return await self._storage.messages.move(account, mailbox, uids, destination.number, actor)

    async def expunge(
        self, account: int, mailbox: int, actor: Actor, *, uids: UidSet | None = None
    ) -> tuple[UidSet, int]:
        """Removes what is `\\Deleted`, of `uids` if given. What went, and the MODSEQ."""
        wanted = EVERYTHING if uids is None else uids
        return await self._storage.messages.expunge(
            account, mailbox, wanted, actor, keep=self._keep_expunged
        )


EVERYTHING = UidSet(((1, 0xFFFFFFFF),))


def check(flags: Flags) -> None:
    """Refuses what no client needs and the store would keep for ever. Raises LimitReached."""
    if len(flags.keywords) > KEYWORDS:
        raise LimitReached("Too many keywords")
    if any(len(name) > KEYWORD_LENGTH for name in flags.keywords):
        raise LimitReached("The keyword is too long")
