"""Opens selected mailboxes: one set of arrays for all sessions of the process.

Arrays are loaded from the store's index, follow the account's changes from then on, and stay for
the next session until memory is wanted for others. What a session sees is its `SelectedView`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from mailhub.core.selected_mailbox import FlagTexts, SharedMailbox
from mailhub.core.selected_view import SelectedView
from mailhub.core.watch import OTHERS, Watch
from mailhub.model.change import (
    AccountChanged,
    Change,
    ElsewhereChanged,
    KeywordSet,
    MailboxChanged,
    Missed,
)
from mailhub.model.errors import StorageFull, Unavailable
from mailhub.model.mailbox import Mailbox
from mailhub.model.settings import StoreSettings
from mailhub.ports import Storage

LEAST = 2048
"""Bytes that an empty mailbox counts, so that those are not kept without end."""


class _Account:
    """What the selected mailboxes of one account share: keyword sets and the subscription."""

    __slots__ = ("boxes", "end", "keyword_sets", "loading", "texts")

    def __init__(self) -> None:
        self.boxes: dict[int, SharedMailbox] = {}
        self.keyword_sets: dict[int, tuple[str, ...]] = {}
        self.texts = (FlagTexts(self.keyword_sets), FlagTexts(self.keyword_sets, recent=True))
        self.loading: dict[object, list[Change]] = {}
        self.end: Callable[[], None] = _nothing


class Selections:
    """The process's selected mailboxes. Those that no session uses any more are kept as long as
    their arrays fit into `settings.index_memory` bytes."""

    def __init__(self, storage: Storage, watch: Watch, settings: StoreSettings) -> None:
        self._storage = storage
        self._watch = watch
        self._limit = settings.index_memory
        self._accounts: dict[int, _Account] = {}
        self._unused: OrderedDict[SharedMailbox, int] = OrderedDict()
        self._unused_memory = 0

    async def select(self, mailbox: Mailbox, *, read_only: bool, recent: bool) -> SelectedView:
        """A session's view of `mailbox`. `recent`: it is an IMAP4rev1 session, which is told of
        `\\Recent`; when it may write, it takes that mark from the messages for all later ones.
        Raises NotFound. The caller closes the view once."""
        box = await self.open(mailbox.account, mailbox.number)
        recent_from: int | None = None
        try:
            if recent:
                recent_from = mailbox.recent_from
                if not read_only and recent_from < box.uidnext:
                    recent_from = await self._claim_recent(mailbox)
        except BaseException:
            self.release(box)
            raise
        return SelectedView(
            box, read_only=read_only, recent_from=recent_from, on_close=self.release
        )

    async def _claim_recent(self, mailbox: Mailbox) -> int:
        """Where \\Recent begins. A store that cannot write now (a full disk) must not keep anyone
        from reading; then another session may be told of the same messages as recent too."""
        try:
            return await self._storage.mailboxes.claim_recent(mailbox.account, mailbox.number)
        except (StorageFull, Unavailable):
            return mailbox.recent_from

    async def open(self, account: int, mailbox: int) -> SharedMailbox:
        """The shared arrays, held for the caller until `release`, with all that anybody was told is
        done, at whichever process. Raises NotFound, Unavailable."""
        if self._kept(account, mailbox) is not None:
            await self._storage.caught_up()
        box = self._kept(account, mailbox)
        if box is None:
            box = await self._load(account, mailbox)
        box.views += 1
        self._forget_unused(box)
        return box

    def _kept(self, account: int, mailbox: int) -> SharedMailbox | None:
        shared = self._accounts.get(account)
        return shared.boxes.get(mailbox) if shared is not None else None

    def release(self, box: SharedMailbox) -> None:
        """The caller of `open` no longer needs it."""
        box.views -= 1
        if box.views == 0 and not box.gone:
            self._unused[box] = size = box.memory + LEAST
            self._unused_memory += size
            self._make_room()

    # -- loading

    async def _load(self, account: int, mailbox: int) -> SharedMailbox:
        """Reads the index while changes are held back, then applies those that it lacks. It is
        read again where they say that it may be another as a whole. Raises NotFound."""
        shared = self._account(account)
        token = object()
        try:
            while True:
                shared.loading[token] = held = list[Change]()
                index = await self._storage.messages.index(account, mailbox)
                if not any(_ends(change, mailbox) for change in held):
                    break
        except BaseException:
            del shared.loading[token]
            self._forget_if_idle(account, shared)
            raise
        del shared.loading[token]
        box = shared.boxes.get(mailbox)
        if box is None:  # else another session's load ended first
            shared.keyword_sets.update(index.keyword_sets)
            box = SharedMailbox(account, mailbox, index, shared.keyword_sets, shared.texts)
            box.apply([change for change in held if _about(change, mailbox)])
            shared.boxes[mailbox] = box
        return box

    def _account(self, account: int) -> _Account:
        shared = self._accounts.get(account)
        if shared is None:
            shared = self._accounts[account] = _Account()
            shared.end = self._watch.subscribe(account, partial(self._hear, account))
        return shared

    def _forget_if_idle(self, account: int, shared: _Account) -> None:
        if not shared.boxes and not shared.loading and self._accounts.get(account) is shared:
            del self._accounts[account]
            shared.end()

    def _make_room(self) -> None:
        """Drops what no session uses, the longest unused first, until the rest fits."""
        while self._unused_memory > self._limit:
            box = next(iter(self._unused))
            self._forget_unused(box)
            shared = self._accounts[box.account]
            del shared.boxes[box.number]
            self._forget_if_idle(box.account, shared)

    def _forget_unused(self, box: SharedMailbox) -> None:
        self._unused_memory -= self._unused.pop(box, 0)

    # -- following the store

    def _hear(self, account: int, changes: Sequence[Change]) -> None:
        shared = self._accounts.get(account)
        if shared is None:
            return
        for held in shared.loading.values():
            held.extend(changes)
        touched: dict[int, list[Change]] = {}
        for change in changes:
            if isinstance(change, KeywordSet):
                shared.keyword_sets[change.number] = change.keywords
            elif isinstance(change, (ElsewhereChanged, *OTHERS)):
                continue
            elif isinstance(change, (AccountChanged, Missed)):
                for number in tuple(shared.boxes):
                    if _ends(change, number):
                        self._end(shared, number)
            elif _ends(change, change.mailbox):
                self._end(shared, change.mailbox)
            elif change.mailbox in shared.boxes:
                touched.setdefault(change.mailbox, []).append(change)
        for number, batch in touched.items():
            box = shared.boxes.get(number)
            if box is not None:
                box.apply(batch)
                box.tell()

    def _end(self, shared: _Account, number: int) -> None:
        """The mailbox is no more, or all its UIDs are others: its sessions are told, and the next
        `open` looks at the store again."""
        box = shared.boxes.pop(number, None)
        if box is not None:
            box.gone = True
            self._forget_unused(box)
            self._forget_if_idle(box.account, shared)
            box.tell()


def _about(change: Change, mailbox: int) -> bool:
    return getattr(change, "mailbox", None) == mailbox


def _ends(change: Change, mailbox: int) -> bool:
    """Whether nothing that was read of the mailbox holds any more: it is deleted, all its UIDs are
    others, or nobody knows what happened to it."""
    if isinstance(change, AccountChanged):
        return change.what == "removed"
    if isinstance(change, MailboxChanged):
        return change.mailbox == mailbox and change.what in ("deleted", "renumbered")
    return isinstance(change, Missed)


def _nothing() -> None:
    """Ends a subscription that was never made."""


__all__ = ["SelectedView", "Selections", "SharedMailbox"]
