"""Bodies as objects: put whole or in parts, read by ranges, deleted by hundreds, listed.

Says nothing of rows: what a body is called, who refers to it and when it may go is decided where
rows are. Octets are those that are kept; whether they are sealed is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, FirstError, gatherResults
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.measure import Measure
from mailhub.model.message import BlobRef
from mailhub.model.settings_s3 import S3Settings
from mailhub.store.s3 import requests
from mailhub.store.s3.client import Client, GoneError
from mailhub.store.s3.names import key_of, segment_of

GAP = 32 * 1024
"""Octets between two ranges that are read along rather than asked for apart."""
MOST_READ = 8 << 20
"""Octets that one request reads."""
PARTS = 3
"""Parts of one object that are under way at a time."""
WHOLE = 2
"""Parts up to which a body goes in one request."""
FEWEST = 5 << 20
"""Octets of a part that is not the last, at least: S3's rule."""
MARK = "database"
"""The object that says whose bucket it is."""


class Octets(Protocol):
    """A body as it is kept."""

    @property
    def size(self) -> int: ...

    def piece(self, start: int, stop: int) -> tuple[bytes | memoryview, bytes]:
        """Some of it, with its SHA-256; asked on a thread."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the bucket's objects. `found`: numbers of ours, and when they were written. `last`:
    the name behind which it goes on, empty at the end. `now`: by the server's clock."""

    found: Sequence[tuple[int, float]]
    last: str
    now: float


class Objects:
    """The bucket's objects. Call `start` before use, `stop` at the end."""

    def __init__(self, settings: S3Settings, reactor: Any, now: Callable[[], float]) -> None:
        self._client = Client(settings, reactor, now)
        self._reactor = reactor
        self._prefix = settings.prefix
        self._part = max(FEWEST, settings.part)
        self._threads = ThreadPool(0, 2, "mailhub-s3")
        self.claimed = False
        """Whether it is known that the objects are this database's."""
        client = self._client
        self.measures: Sequence[Measure] = (
            Measure("mailhub_s3_troubles", "1 while S3 does not work", lambda: not client.well),
            Measure(
                "mailhub_s3_failed_tries_total",
                "Requests of S3 that came to nothing, each try of them",
                lambda: client.failed,
            ),
            Measure(
                "mailhub_s3_waiting", "Requests that wait for a connection", lambda: client.waiting
            ),
        )

    def start(self) -> None:
        """Starts the threads."""
        self._threads.start()

    def stop(self) -> Deferred[None]:
        """Ends them and closes connections."""
        self._threads.stop()
        return self._client.stop()

    @property
    def server_time(self) -> float:
        """Epoch seconds by the server's clock."""
        return self._client.server_time()

    async def claim(self, database: str) -> None:
        """Makes sure that the bucket's objects are this database's. Raises Unavailable where they
        are another's, and where that cannot be found out."""
        key = self._prefix + MARK
        try:
            found = (await self._client.ask(requests.Request("GET", key))).body.decode("latin-1")
        except GoneError:
            body = database.encode()
            digest = sha256(body).digest()
            await self._client.ask(requests.put(key, body, digest))
            found = database
        if found != database:
            raise Unavailable(
                f"The objects below {self._prefix} in the bucket are another database's"
            )
        self.claimed = True

    async def put(self, segment: int, octets: Octets) -> None:
        """Durable when it is done. Raises StorageFull, Unavailable."""
        key = key_of(self._prefix, segment)
        if octets.size <= WHOLE * self._part:
            body, digest = await self._piece(octets, 0, octets.size)
            await self._asked(requests.put(key, body, digest))
        else:
            await self._put_parts(key, octets)

    async def _put_parts(self, key: str, octets: Octets) -> None:
        upload = requests.upload_of(await self._asked(requests.begin(key)))
        tags: dict[int, str] = {}
        places = iter(range(1, -(-octets.size // self._part) + 1))

        async def send() -> None:
            for place in places:
                start = (place - 1) * self._part
                body, digest = await self._piece(
                    octets, start, min(start + self._part, octets.size)
                )
                answer = await self._asked(requests.part(key, upload, place, body, digest))
                tags[place] = answer.headers.get("etag", "")

        try:
            await all_of([send() for _ in range(PARTS)])
            await self._complete(key, upload, [tags[place] for place in sorted(tags)], octets.size)
        except BaseException:
            # What cannot be taken back now is found by `orphans`.
            aborted = self._client.ask(requests.abort(key, upload), 1.0)
            Deferred.fromCoroutine(aborted).addErrback(lambda _: None)
            raise

    async def _complete(self, key: str, upload: str, tags: Sequence[str], size: int) -> None:
        try:
            await self._client.ask(requests.complete(key, upload, tags))
        except GoneError:
            # The answer to an earlier try was lost: the upload is over, and the object there.
            answer = await self._asked(requests.Request("HEAD", key))
            if answer.headers.get("content-length") != str(size):
                raise Unavailable from None

    async def _asked(self, request: requests.Request) -> requests.Answer:
        try:
            return await self._client.ask(request)
        except GoneError:
            raise Unavailable from None

    def _piece(self, octets: Octets, start: int, stop: int) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._threads, octets.piece, start, stop)

    def thread(self, work: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Runs what would hold up the reactor."""
        return deferToThreadPool(self._reactor, self._threads, work, *args)

    async def read(self, refs: Sequence[BlobRef]) -> list[bytes]:
        """The octets of each; neighbours in one request. Raises Corrupt, Unavailable."""
        runs = list(coalesced(refs))
        found = await all_of([self._read_run(run) for run in runs])
        octets: dict[BlobRef, bytes] = {}
        for part in found:
            octets.update(part)
        return [octets[ref] if ref.length else b"" for ref in refs]

    async def _read_run(self, run: Sequence[BlobRef]) -> dict[BlobRef, bytes]:
        first = run[0].offset
        size = max(ref.offset + ref.length for ref in run) - first
        data = await self._range(run[0].segment, first, size)
        if len(run) == 1 and len(data) == run[0].length:
            return {run[0]: data}
        return {ref: data[ref.offset - first : ref.offset - first + ref.length] for ref in run}

    async def _range(self, segment: int, start: int, length: int) -> bytes:
        pieces = []
        for at in range(start, start + length, MOST_READ):
            size = min(MOST_READ, start + length - at)
            request = requests.get(key_of(self._prefix, segment), at, size)
            try:
                answer = await self._client.ask(request)
            except GoneError:
                raise Corrupt("The stored message is missing") from None
            if not requests.whole(answer, at, size):
                raise Corrupt("The stored message is cut short")
            pieces.append(answer.body)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def delete(self, segments: Sequence[int]) -> set[int]:
        """Deletes them; those that are still there. Raises Unavailable."""
        kept: set[int] = set()
        names = {key_of(self._prefix, segment): segment for segment in segments}
        keys = list(names)
        for at in range(0, len(keys), requests.MOST_DELETED):
            chunk = keys[at : at + requests.MOST_DELETED]
            answer = await self._asked(requests.delete(chunk))
            if answer.body.strip():
                kept |= {names[key] for key in requests.undeleted(answer) if key in names}
        return kept

    async def listed(self, after: str) -> Page:
        """The objects behind the one of this name. Raises Unavailable."""
        answer = await self._asked(requests.listing(self._prefix, after))
        found = requests.listed(answer)
        ours = [
            (segment, written)
            for key, written in found
            if (segment := segment_of(self._prefix, key)) is not None
        ]
        now = requests.moment(answer) or self.server_time
        return Page(ours, found[-1][0] if found else "", now)

    async def abort_before(self, moment: float) -> int:
        """Forgets uploads that were begun before, by the server's clock; how many. Raises
        Unavailable."""
        count = 0
        for key, upload, began in requests.begun(await self._asked(requests.uploads(self._prefix))):
            if began < moment and segment_of(self._prefix, key) is not None:
                with suppress(GoneError):
                    await self._client.ask(requests.abort(key, upload))
                count += 1
        return count


def coalesced(refs: Sequence[BlobRef]) -> list[list[BlobRef]]:
    """Ranges that are read together: of one object, and near to each other."""
    runs: list[list[BlobRef]] = []
    end = 0
    for ref in sorted({ref for ref in refs if ref.length}, key=_place):
        near = (
            runs
            and ref.segment == runs[-1][0].segment
            and ref.offset - end <= GAP
            and ref.offset + ref.length - runs[-1][0].offset <= MOST_READ
        )
        if near:
            runs[-1].append(ref)
            end = max(end, ref.offset + ref.length)
        else:
            runs.append([ref])
            end = ref.offset + ref.length
    return runs


def _place(ref: BlobRef) -> tuple[int, int]:
    return ref.segment, ref.offset


async def all_of(works: Sequence[Any]) -> list[Any]:
    """All results, or the first failure, once none of the others goes on."""
    if len(works) == 1:
        return [await works[0]]
    started = [Deferred.fromCoroutine(work) for work in works]
    try:
        results: list[Any] = await gatherResults(started, consumeErrors=True)
        return results
    except FirstError as first:
        for one in started:
            one.cancel()
        await DeferredList(started, consumeErrors=True)
        error: Exception = first.subFailure.value  # type: ignore[assignment]
        raise error from None
