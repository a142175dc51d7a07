"""The bucket for who asks and waits: a reactor on a thread of its own does the work.

The one module here that knows of a reactor; a command starts it where bodies are in S3, and it
ends with the command. No row is read here but through those that are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from os import urandom
from pathlib import Path
from threading import Thread
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import blockingCallFromThread

from mailhub.model.message import BlobRef
from mailhub.model.settings import S3Settings
from mailhub.store.batch import Bytes
from mailhub.store.postgres.keyring import Keyring
from mailhub.store.postgres.outside import Outside
from mailhub.store.readers import Desk
from mailhub.store.s3.objects import Objects, all_of
from mailhub.store.s3.octets import Filed

_reactor: Any = installed
AT_ONCE = 8
"""Files that are put at a time."""
PENDING = 1 << 40
"""Bytes under way: who asks waits for each answer, so there is no more than it asks for at once."""


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
        _run()
        self._objects = Objects(settings, _reactor, time.time)
        _asked(self._objects.start)

    def claim(self, database: str) -> None:
        """The bucket is this database's. Raises Unavailable where it is another's."""
        _asked(lambda: self._objects.claim(database))

    def put(self, files: Sequence[tuple[int, Path]]) -> None:
        """Puts bodies, by their numbers. Raises StorageFull, Unavailable."""
        waiting = iter(files)

        async def some() -> None:
            for segment, path in waiting:
                await self._objects.put(segment, Filed(path))

        _asked(lambda: all_of([some() for _ in range(AT_ONCE)]))

    def close(self) -> None:
        """Closes connections."""
        _asked(self._objects.stop)


class Bucket:
    """Bodies that are not in the database. `desk`: for what is; `write`: runs work in a commit."""

    def __init__(
        self,
        settings: S3Settings,
        ring: Keyring | None,
        desk: Desk,
        write: Callable[..., Any],
    ) -> None:
        _run()
        self._writing = _InCommits(write)
        self._objects = Objects(settings, _reactor, time.time)
        self._outside = Outside(
            settings, PENDING, self._objects, ring, _AtDesk(desk), _reactor, urandom
        )
        _asked(self._objects.start)

    def put(self, bodies: Sequence[Bytes]) -> Sequence[Bytes]:
        """See `Outside.put`."""
        if not self._outside.concerns(bodies):
            return bodies
        put: Sequence[Bytes] = _asked(lambda: self._outside.put(bodies, self._writing))
        return put

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        """See `Outside.read`."""
        found: Sequence[bytes] = _asked(lambda: self._outside.read(refs))
        return found

    def close(self) -> None:
        """Closes connections."""
        _asked(self._objects.stop)


def _asked(call: Callable[[], Any]) -> Any:
    """What is answered, when it is."""

    async def answer() -> Any:
        found = call()
        return await found if isinstance(found, Awaitable) else found

    return blockingCallFromThread(_reactor, lambda: Deferred.fromCoroutine(answer()))


@cache
def _run() -> None:
    """Starts the reactor; it can be started once."""
    Thread(
        target=lambda: _reactor.run(installSignalHandlers=False),
        name="mailhub-bucket",
        daemon=True,
    ).start()
