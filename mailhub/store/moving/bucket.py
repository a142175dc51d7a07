"""The bucket for who asks and waits: a reactor on a thread of its own does the work.

The one module here that knows of a reactor; who asks starts it where bodies are in S3, and ends it.
No row is read here but through those that are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from os import urandom
from pathlib import Path
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread

from mailhub.model.message import BlobRef
from mailhub.model.settings import S3Settings
from mailhub.store.batch import Bytes
from mailhub.store.postgres.keyring import Keyring
from mailhub.store.postgres.outside import Outside
from mailhub.store.readers import Desk
from mailhub.store.s3.objects import Objects, all_of
from mailhub.store.s3.octets import Filed

AT_ONCE = 8
"""Files that are put at a time."""
PENDING = 1 << 40
"""Bytes under way: who asks waits for each answer, so there is no more than it asks for at once."""


class _Turning:
    """A reactor on a thread. It is not the process's, which turns once and no more."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()  # type: ignore[no-untyped-call]
        self._thread = Thread(
            target=lambda: self.reactor.run(installSignalHandlers=False),
            name="mailhub-bucket",
            daemon=True,
        )
        self._thread.start()

    def ask(self, call: Callable[[], Any]) -> Any:
        """What is answered, when it is."""

        async def answer() -> Any:
            found = call()
            return await found if isinstance(found, Awaitable) else found

        return blockingCallFromThread(self.reactor, lambda: Deferred.fromCoroutine(answer()))

    def end(self) -> None:
        """Stops it."""
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join()


class _AtDesk:
    """`outside.Reading`: asked while its owner waits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def query(self, work: Callable[..., Any], *args: object) -> Deferred[Any]:
        return maybeDeferred(work, self._desk.connection, *args)

    def read(self, refs: Sequence[BlobRef]) -> Deferred[Sequence[bytes]]:
        return maybeDeferred(self._desk.read, refs)


class _InCommits:
    """`outside.Writing`: asked while its owner waits."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write

    def write(self, work: Callable[..., Any], *args: object) -> Awaitable[Any]:
        return maybeDeferred(self._write, work, *args)


class Filling:
    """An empty bucket that is filled with files."""

    def __init__(self, settings: S3Settings) -> None:
        self._turning = _Turning()
        self._objects = Objects(settings, self._turning.reactor, time.time)
        self._turning.ask(self._objects.start)

    def claim(self, database: str) -> None:
        """The bucket is this database's. Raises Unavailable where it is another's."""
        self._turning.ask(lambda: self._objects.claim(database))

    def put(self, files: Sequence[tuple[int, Path]]) -> None:
        """Puts bodies, by their numbers. Raises StorageFull, Unavailable."""
        waiting = iter(files)

        async def some() -> None:
            for segment, path in waiting:
                await self._objects.put(segment, Filed(path))

        self._turning.ask(lambda: all_of([some() for _ in range(AT_ONCE)]))

    def close(self) -> None:
        """Closes connections."""
        try:
            self._turning.ask(self._objects.stop)
        finally:
            self._turning.end()


class Bucket:
    """Bodies that are not in the database. `desk`: for what is; `write`: runs work in a commit."""

    def __init__(
        self,
        settings: S3Settings,
        ring: Keyring | None,
        desk: Desk,
        write: Callable[..., Any],
    ) -> None:
        self._turning = _Turning()
        reactor = self._turning.reactor
        self._writing = _InCommits(write)
        self._objects = Objects(settings, reactor, time.time)
        self._outside = Outside(
            settings, PENDING, self._objects, ring, _AtDesk(desk), reactor, urandom
        )
        self._turning.ask(self._objects.start)

    def put(self, bodies: Sequence[Bytes]) -> Sequence[Bytes]:
        """See `Outside.put`."""
        if not self._outside.concerns(bodies):
            return bodies
        put: Sequence[Bytes] = self._turning.ask(lambda: self._outside.put(bodies, self._writing))
        return put

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        """See `Outside.read`."""
        found: Sequence[bytes] = self._turning.ask(lambda: self._outside.read(refs))
        return found

    def close(self) -> None:
        """Closes connections."""
        try:
            self._turning.ask(self._objects.stop)
        finally:
            self._turning.end()
