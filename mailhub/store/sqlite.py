"""The embedded store: SQLite and segments in one folder, for one process at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mailhub.model.settings import StoreSettings
from mailhub.store import database, segments
from mailhub.store.background import Background
from mailhub.store.checkpoints import Checkpoints
from mailhub.store.commit import Committer, WallClock
from mailhub.store.compaction import Compaction
from mailhub.store.fulltext.service import IndexService
from mailhub.store.hop import Hop
from mailhub.store.readers import FolderDesk, Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.segments import Appender
from mailhub.store.spools import SpoolFolder
from mailhub.store.sql import number
from mailhub.store.storage import ServedStorage
from mailhub.store.watchers import Watchers
from mailhub.store.writer import Writer


class StoreReactor(Protocol):
    """What the store asks of the reactor."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...
    def callLater(self, delay: float, call: Callable[..., object]) -> IDelayedCall: ...


class SQLiteStore(ServedStorage):
    """`ports.Storage` on disk. Call `start` before use and `stop` at the end."""

    _log = Logger()

    def __init__(
        self, settings: StoreSettings, folder: Path, reactor: StoreReactor, clock: WallClock
    ) -> None:
        self._folder = folder
        self._lock = database.lock(folder)
        blobs = folder / "segments"
        blobs.mkdir(mode=0o700, exist_ok=True)
        database.prepare(folder)
        for path in (folder, folder.parent):
            segments.sync_folder(path)
        self._hop = Hop(reactor)
        watchers = Watchers()
        checkpoints = Checkpoints(folder)
        appender = resumed(folder, blobs, settings.segment_size)
        committer = Committer(folder, appender, clock, settings.quota, self._failed)
        self._readers = Readers(lambda: FolderDesk(folder, blobs), settings.readers, self._hop)
        self._writer = Writer(
            committer,
            self._hop,
            watchers,
            settings.pending,
            lambda: checkpoints.between_commits(committer.connection),
            checkpoints.stop,
        )
        self._checkpoints = checkpoints
        runner = ThreadRunner(self._readers, self._writer)
        self.blobs = self._readers
        spools = SpoolFolder(settings.spool_memory, folder / "spool")
        super().__init__(runner, spools, watchers)
        self.search_index = IndexService(folder, self._hop)
        compaction = Compaction(
            blobs,
            self._readers,
            self._writer,
            lambda: appender.current,
            lambda: committer.freed,
            lambda: committer.full,
            clock.seconds,
        )
        self._background = Background(reactor, runner, compaction.round, lambda: committer.full)
        self.watch(self._background.heard)

    def _failed(self, error: Exception) -> None:
        """A commit failed; heard on the writer's thread."""
        self._hop.post(
            lambda: self._log.error(
                "A commit failed: {kind}: {error}", kind=type(error).__name__, error=error
            )
        )

    def start(self) -> None:
        """Starts the threads."""
        self._checkpoints.start()
        self._readers.start()
        self.search_index.start()
        self._writer.start()
        self._background.start()

    def stop(self) -> Deferred[None]:
        """Finishes what was asked for, then closes everything; fires when that is done."""
        done: Deferred[None] = Deferred()
        self._background.stop()
        self._writer.refuse()

        def close() -> None:
            self._readers.stop()
            self.search_index.stop()
            self._writer.join()
            os.close(self._lock)
            self._hop.post(lambda: done.callback(None))

        # A thread of its own: the reactor's pool may be gone when a server stops.
        Thread(target=close, name="mailhub-store-stop").start()
        return done


def open_store(
    settings: StoreSettings, folder: Path, reactor: StoreReactor, clock: WallClock
) -> SQLiteStore:
    """The store in `folder`, which is made where it is missing. Blocks while it migrates. Raises
    InUse when another process has it open, Unavailable when a newer mailhub wrote it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SQLiteStore(settings, folder, reactor, clock)


def resumed(folder: Path, blobs: Path, size: int) -> Appender:
    """An appender that goes on in the last segment, behind the last bytes a row refers to."""
    appender = Appender(blobs, size)
    known = segments.numbers(blobs)
    if not known:
        return appender
    connection = database.connect_writer(folder)
    try:
        end = number(
            connection,
            "SELECT max(e) FROM (SELECT max(start + length) AS e FROM content"
            " WHERE segment = :segment UNION ALL SELECT max(start + length)"
            " FROM queue_message WHERE segment = :segment) AS ends",
            {"segment": known[-1]},
        )
    finally:
        connection.close()
    appender.resume(known[-1], end)
    return appender
