"""Mail in a domain's archive: each mailbox as a Maildir that Dovecot reads, and the roll of all
that was put into the archive.

A mailbox is as its index is at one moment; what went between that and the reading of a message is
left out, though the list of UIDs names it: Dovecot takes it as expunged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import md5, sha256

from mailhub.core import domainfile as files
from mailhub.core.reading import LARGE, PORTION, Reading, length
from mailhub.core.turns import Turns
from mailhub.model.errors import NotFound
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Content, Index
from mailhub.model.uids import UidSet
from mailhub.ports import Body, Clock, Storage
from mailhub.wire import maildir, tarball
from mailhub.wire.tarball import Member

PIECE = 64 * 1024
CHUNK = 250
"""Messages looked up at once."""
STEP = 2000
"""Messages whose lines are made, or whose flags are looked at, between two rests."""


class Roll:
    """What was put into an archive: how many members, and a digest of them."""

    def __init__(self, now: int) -> None:
        self._now = now
        self.digest = sha256()
        self.members = 0

    def begin(self, path: str, size: int, date: int | None = None, flags: str = "") -> bytes:
        """What stands before a file's octets, each of which has to pass through `noted`."""
        notes = {files.NOTE: flags} if flags else {}
        return self._begin(Member(path, size, self._now if date is None else date, notes=notes))

    def _begin(self, member: Member) -> bytes:
        self.members += 1
        self.digest.update(f"{member.path}\0{member.size}\0".encode())
        return tarball.header(member)

    def noted(self, data: bytes) -> bytes:
        """`data`, which stands in the archive now."""
        self.digest.update(data)
        return data

    def file(self, path: str, data: bytes) -> bytes:
        """A whole file."""
        return self.begin(path, len(data)) + self.noted(data) + tarball.padding(len(data))

    def folder(self, path: str) -> bytes:
        """A folder."""
        return self._begin(Member(path, 0, self._now, folder=True))

    def body(self, path: str, body: Body) -> Iterator[bytes]:
        """A file of what was collected before."""
        yield self.begin(path, body.size)
        view = body.view()
        for at in range(0, body.size, PIECE):
            yield self.noted(bytes(view[at : at + PIECE]))
        yield tarball.padding(body.size)


class Mailroll:
    """Puts mailboxes on a roll, and counts their messages."""

    def __init__(self, storage: Storage, clock: Clock, roll: Roll) -> None:
        self._storage = storage
        self._clock = clock
        self._reading = Reading(storage, clock)
        self._roll = roll
        self.messages = self.octets = 0

    async def mailbox(self, box: Mailbox, path: str) -> AsyncIterator[bytes]:
        """A mailbox as a Maildir in the folder `path`."""
        try:
            index = await self._storage.messages.index(box.account, box.number)
        except NotFound:
            return  # removed meanwhile
        for part in maildir.PARTS:
            yield self._roll.folder(f"{path}/{part}")
        if box.name != "INBOX":
            yield self._roll.file(f"{path}/maildirfolder", b"")
        words = await self._keywords(index)
        if words:
            yield self._roll.file(f"{path}/{maildir.KEYWORDS}", maildir.keyword_list(words))
        async for piece in self._uids(box, index, f"{path}/{maildir.UIDS}"):
            yield piece
        for at in range(0, len(index.uids), CHUNK):
            async for piece in self._messages_of(box, index, words, path, at):
                yield piece

    async def _keywords(self, index: Index) -> tuple[str, ...]:
        """Keywords of the mailbox's messages; also `$Forwarded`, whose letter Dovecot ignores."""
        turns, codes = Turns(self._clock), set[int]()
        for at in range(0, len(index.flags), STEP):
            codes.update(index.flags[at : at + STEP])
            await turns.rest()
        found: dict[str, str] = {}
        for number in sorted({code >> 8 for code in codes}):
            for word in index.keyword_sets.get(number, ()):
                found.setdefault(word.lower(), word)
        return tuple(found.values())

    async def _uids(self, box: Mailbox, index: Index, path: str) -> AsyncIterator[bytes]:
        """Twice over the arrays: a member's size is told before its octets."""
        # 128 bits that are this mailbox's everywhere, as Dovecot has them.
        id = md5(f"{box.id}/{index.uidvalidity}".encode(), usedforsecurity=False).hexdigest()
        head = maildir.uid_head(index.uidvalidity, index.uidnext, id)
        turns, size = Turns(self._clock), len(head)
        for at in range(0, len(index.uids), STEP):
            size += len(_lines(index, at))
            await turns.rest()
        yield self._roll.begin(path, size) + self._roll.noted(head)
        for at in range(0, len(index.uids), STEP):
            yield self._roll.noted(_lines(index, at))
        yield tarball.padding(size)

    async def _messages_of(
        self, box: Mailbox, index: Index, words: Sequence[str], path: str, at: int
    ) -> AsyncIterator[bytes]:
        """Those from the index's place `at` on which are there still."""
        uids = index.uids[at : at + CHUNK]
        contents = await self._storage.messages.contents(
            box.account, box.number, UidSet.from_any(uids)
        )
        places = {uid: at + n for n, uid in enumerate(uids)}
        run: list[Content] = []
        size = 0
        for content in contents:
            if run and size + length(content) > PORTION:
                for piece in await self._together(run, index, places, words, path):
                    yield piece
                run, size = [], 0
            if length(content) > LARGE:
                async for piece in self._large(content, index, places, words, path):
                    yield piece
            else:
                run.append(content)
                size += length(content)
        if run:
            for piece in await self._together(run, index, places, words, path):
                yield piece

    def _head(
        self, content: Content, index: Index, place: int, words: Sequence[str], path: str
    ) -> bytes:
        code = index.flags[place]
        flags = Flags(code & SYSTEM_BITS, index.keyword_sets.get(code >> 8, ()))
        letters, left = maildir.letters(flags.names(), words)
        one = replace(_file(index, place), letters=letters)
        size = length(content)
        self.messages += 1
        self.octets += size
        return self._roll.begin(f"{path}/cur/{one.name}", size, one.date, " ".join(left))

    async def _together(
        self,
        run: Sequence[Content],
        index: Index,
        places: Mapping[int, int],
        words: Sequence[str],
        path: str,
    ) -> list[bytes]:
        blobs = await self._storage.blobs.read([content.blob for content in run])
        found = []
        for content, blob in zip(run, blobs, strict=True):
            head = self._head(content, index, places[content.uid], words, path)
            data = self._roll.noted(content.prefix + blob)
            found.append(head + data + tarball.padding(len(data)))
        return found

    async def _large(
        self,
        content: Content,
        index: Index,
        places: Mapping[int, int],
        words: Sequence[str],
        path: str,
    ) -> AsyncIterator[bytes]:
        yield self._head(content, index, places[content.uid], words, path)
        end = length(content)
        for start in range(0, end, PORTION):
            octets = await self._reading.octets(content, start, min(start + PORTION, end))
            for at in range(0, len(octets), PIECE):
                yield self._roll.noted(octets[at : at + PIECE])
        yield tarball.padding(end)


def _file(index: Index, place: int) -> maildir.Filed:
    return maildir.Filed(
        index.dates[place], index.uidvalidity, index.uids[place], size=index.sizes[place]
    )


def _lines(index: Index, at: int) -> bytes:
    """Lines of the list of UIDs, for some messages from a place on."""
    places = range(at, min(at + STEP, len(index.uids)))
    return b"".join(maildir.uid_lines(_file(index, place) for place in places))
