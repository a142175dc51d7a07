"""An account's INBOX as POP3 sees it: numbered once at login, locked, and changed only at the end.

RFC 1939 sections 3 to 6. The numbering is a snapshot; what other sessions expunge meanwhile is
simply not there when it is asked for. May not know how an answer is spelled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from mailhub.core.mailboxes import Mailboxes
from mailhub.model.account import Principal
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Corrupt, InUse, NotFound
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Content
from mailhub.model.settings import POP3Settings
from mailhub.model.uids import UidSet
from mailhub.ports import Seats, Storage

SLICE = 256 * 1024
"""Bytes read in one hop: of one large message, or of several small ones ahead."""
SMALL = SLICE // 2
"""Messages up to this size are read whole, and the following ones with them."""
PLACES = 256
"""Messages whose place in the store is looked up at once."""


class Maildrops:
    """Opens maildrops; one session at a time holds an account's (RFC 1939 section 4). `newest`:
    how many messages an account is shown where it has a bound of its own, else 0.

    The lock holds over all processes while they can agree on it, else over this one: two sessions
    at once harm nothing, as each has a snapshot of UIDs and deletes by UID.
    """

    def __init__(
        self,
        storage: Storage,
        mailboxes: Mailboxes,
        settings: POP3Settings,
        seats: Seats,
        *,
        keep_expunged: bool = False,
        newest: Callable[[int], Awaitable[int]] | None = None,
    ) -> None:
        self._storage = storage
        self._mailboxes = mailboxes
        self._settings = settings
        self._seats = seats
        self._newest = newest
        self.keep_expunged = keep_expunged
        """Whether what is deleted stays in the archive."""

    async def open(self, principal: Principal, source: str) -> Maildrop:
        """The locked maildrop of `principal`; its owner calls `close` on every path.

        `source`: service and peer for the journal. Raises InUse, Unavailable.
        """
        account = principal.account
        if not await self._seats.take(_key(account), 1):
            raise InUse("The maildrop is in use by another session")
        try:
            inbox = await self._mailboxes.get(account, "INBOX")
            index = await self._storage.messages.index(account, inbox.number)
            own = await self._newest(account) if self._newest is not None else 0
        except BaseException:
            self.release(account)
            raise
        newest = own or self._settings.newest
        first = max(0, len(index.uids) - newest) if newest else 0
        return Maildrop(
            self,
            replace(inbox, uidvalidity=index.uidvalidity),
            index.uids[first:],
            index.sizes[first:],
            Actor(account, source),
        )

    def release(self, account: int) -> None:
        """Gives the lock back."""
        self._seats.give(_key(account))

    @property
    def storage(self) -> Storage:
        return self._storage

    @property
    def settings(self) -> POP3Settings:
        return self._settings

    async def trash(self, account: int, actor: Actor) -> Mailbox:
        """The account's Trash, made where there is none."""
        found = await self._mailboxes.by_special_use(account, "\\Trash")
        if found is not None:
            return found
        try:
            return await self._mailboxes.create(account, "Trash", actor, special_use="\\Trash")
        except AlreadyExists:
            return await self._mailboxes.get(account, "Trash")


def _key(account: int) -> str:
    return f"pop3:{account}"


class Maildrop:
    """One session's view: messages are numbers from 1 in the order of their UIDs."""

    def __init__(
        self,
        maildrops: Maildrops,
        inbox: Mailbox,
        uids: Sequence[int],
        sizes: Sequence[int],
        actor: Actor,
    ) -> None:
        self._maildrops = maildrops
        self._inbox = inbox
        self._uids = uids
        self._sizes = sizes
        self._actor = actor
        self._octets = sum(sizes)
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()
        self._places: dict[int, Content] = {}
        self._ahead: dict[int, bytes] = {}
        self._expected = 1
        self._open = True

    # -- what is there

    @property
    def account(self) -> int:
        """Whose it is."""
        return self._inbox.account

    @property
    def days(self) -> int | None:
        """For how many days new mail stays (RFC 2449 section 6.7); None for ever."""
        return self._inbox.retention // 86_400_000 if self._inbox.retention else None

    @property
    def count(self) -> int:
        """Messages not marked as deleted."""
        return len(self._uids) - len(self._deleted)

    @property
    def octets(self) -> int:
        """The sum of their sizes."""
        return self._octets

    @property
    def last(self) -> int:
        """The highest message number, deleted ones included."""
        return len(self._uids)

    @property
    def deleted(self) -> int:
        """How many messages are marked."""
        return len(self._deleted)

    def numbers(self) -> Iterator[int]:
        """Numbers of the messages not marked, ascending."""
        everything = range(1, len(self._uids) + 1)
        if not self._deleted:
            return iter(everything)
        return (number for number in everything if number not in self._deleted)

    def size(self, number: int) -> int:
        """Bytes of a message as stored (RFC 1939 section 11). Raises NotFound."""
        self._check(number)
        return self._sizes[number - 1]

    def unique_id(self, number: int) -> str:
        """A name no other message of this maildrop had or will have: UIDVALIDITY and UID.

        Raises NotFound.
        """
        self._check(number)
        return f"{self._inbox.uidvalidity}.{self._uids[number - 1]}"

    def _check(self, number: int) -> None:
        if not 1 <= number <= len(self._uids):
            raise NotFound("No such message")
        if number in self._deleted:
            raise NotFound("The message is marked as deleted")

    # -- reading

    async def place(self, number: int) -> Content:
        """Where a message lies and how long its header is.

        Raises NotFound when it is marked, or was expunged by another session.
        """
        self._check(number)
        uid = self._uids[number - 1]
        found = self._places.get(uid)
        if found is None:
            wanted = UidSet.from_sorted(self._uids[number - 1 : number - 1 + PLACES])
            contents = await self._maildrops.storage.messages.contents(
                self._inbox.account, self._inbox.number, wanted
            )
            self._places = {content.uid: content for content in contents}
            found = self._places.get(uid)
            if found is None:
                raise NotFound("The message was removed by another session")
        return found

    async def read(self, number: int, start: int = 0) -> bytes:
        """The bytes of a message from `start`: all of them when it is small, else a slice.

        Empty at its end. Raises NotFound, Corrupt, Unavailable.
        """
        place = await self.place(number)
        try:
            return await self._read(number, place, start)
        except Corrupt:
            self._places = {}
            moved = await self.place(number)  # compaction carries messages to new segments
            if moved == place:
                raise
            return await self._read(number, moved, start)

    async def _read(self, number: int, place: Content, start: int) -> bytes:
        if len(place.prefix) + place.blob.length > SMALL:
            return await self._slice(place, start)
        if number not in self._ahead:
            await self._read_ahead(number)
        self._expected = number + 1
        whole = self._ahead.pop(number)
        return whole[start:] if start else whole

    async def _slice(self, place: Content, start: int) -> bytes:
        """At most SLICE bytes of a large message, never more of it in memory."""
        prefix = place.prefix
        if start < len(prefix):
            return prefix[start:]
        start -= len(prefix)
        blob = place.blob
        if start >= blob.length:
            return b""
        length = min(SLICE, blob.length - start)
        part = replace(blob, offset=blob.offset + start, length=length)
        (data,) = await self._maildrops.storage.blobs.read([part])
        return data

    async def _read_ahead(self, number: int) -> None:
        """Reads a small message, and those after it that are likely asked for next.

        A client that fetches in order pays one hop to the disk for each SLICE of bytes.
        """
        ordered = number == self._expected
        wanted: list[tuple[int, Content]] = []
        total = 0
        while number <= len(self._uids):
            place = self._places.get(self._uids[number - 1])
            if place is None:
                break
            size = len(place.prefix) + place.blob.length
            if wanted and (total + size > SLICE or size > SMALL):
                break
            wanted.append((number, place))
            total += size
            if not ordered:
                break
            number += 1
        bodies = await self._maildrops.storage.blobs.read([place.blob for _, place in wanted])
        self._ahead = {
            number: place.prefix + body if place.prefix else body
            for (number, place), body in zip(wanted, bodies, strict=True)
        }

    def was_read(self, number: int) -> None:
        """The whole message went out; the account's other clients learn of it at `commit`."""
        self._retrieved.add(number)

    # -- marks, and what becomes of them

    def mark(self, number: int) -> None:
        """Marks a message for deletion. Raises NotFound, also when it is marked already."""
        self._check(number)
        self._deleted.add(number)
        self._octets -= self._sizes[number - 1]

    def reset(self) -> None:
        """Takes every mark back."""
        self._deleted.clear()
        self._octets = sum(self._sizes)

    async def commit(self) -> None:
        """Does what is marked, in one commit: expunge, or move to Trash, as configured.

        Raises OverQuota, StorageFull, Unavailable; then nothing was deleted.
        """
        messages = self._maildrops.storage.messages
        account, inbox, actor = self._inbox.account, self._inbox.number, self._actor
        read = self._uid_set(self._retrieved - self._deleted)
        if read and self._maildrops.settings.mark_seen:
            seen = Flags(SEEN)
            await messages.store_flags(account, inbox, read, FlagMode.ADD, seen, actor)
        gone = self._uid_set(self._deleted)
        if not gone:
            return
        if self._maildrops.settings.delete == "trash":
            trash = await self._maildrops.trash(account, actor)
            await messages.move(account, inbox, gone, trash.number, actor)
        else:
            keep = self._maildrops.keep_expunged
            await messages.expunge(account, inbox, gone, actor, only_deleted=False, keep=keep)

    def _uid_set(self, numbers: set[int]) -> UidSet:
        return UidSet.from_any(self._uids[number - 1] for number in numbers)

    def close(self) -> None:
        """Releases the lock; marks that were not committed are forgotten. May be repeated."""
        if self._open:
            self._open = False
            self._maildrops.release(self._inbox.account)
