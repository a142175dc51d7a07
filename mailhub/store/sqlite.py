"""The embedded store: SQLite and segments in one folder, for one process at a time."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from mailhub.model.settings import StoreSettings
from mailhub.store import database, segments
from mailhub.store.background import SWEEPS, Background
from mailhub.store.checkpoints import Checkpoints
from mailhub.store.commit import Committer, WallClock
from mailhub.store.compaction import Compaction
from mailhub.store.complaints import Complaints
from mailhub.store.fulltext.service import IndexService
from mailhub.store.hop import Hop
from mailhub.store.leases import Alone
from mailhub.store.readers import FolderDesk, Readers
from mailhub.store.segments import Appender
from mailhub.store.spools import SpoolFolder
from mailhub.store.sql import number
from mailhub.store.threaded import StoreReactor, ThreadedStore
from mailhub.store.watchers import Watchers
from mailhub.store.writer import Writer


class SQLiteStore(ThreadedStore):
    """`ports.Storage` in a folder."""

    def __init__(
        self, settings: StoreSettings, folder: Path, reactor: StoreReactor, clock: WallClock
    ) -> None:
        lock = database.lock(folder)
        blobs = folder / "segments"
        blobs.mkdir(mode=0o700, exist_ok=True)
        database.prepare(folder)
        for path in (folder, folder.parent):
            segments.sync_folder(path)
        hop = Hop(reactor)
        watchers = Watchers()
        checkpoints = Checkpoints(folder)
        appender = resumed(folder, blobs, settings.segment_size)
        committer = Committer(folder, appender, clock, settings.quota, Complaints(hop, "A commit"))
        desk = partial(FolderDesk, folder, blobs)
        readers = Readers(desk, settings.readers, hop, Complaints(hop, "A read"))
        writer = Writer(
            committer,
            hop,
            watchers,
            settings.pending,
            lambda: checkpoints.between_commits(committer.connection),
            checkpoints.stop,
        )
        self._checkpoints = checkpoints
        spools = SpoolFolder(settings.spool_memory, folder / "spool")
        index = IndexService(folder, hop)
        super().__init__(hop, readers, writer, spools, watchers, index, lambda: os.close(lock))
        compaction = Compaction(
            blobs,
            readers,
            writer,
            lambda: appender.current,
            lambda: committer.freed,
            lambda: committer.full,
            clock.seconds,
        )
        self.nodes = Alone(clock.now)
        sweeps = self.nodes.leases.lease(SWEEPS)
        self.looked_after(
            Background(reactor, self.runner, compaction.round, lambda: committer.full, sweeps)
        )

    def start(self) -> None:
        """Starts the threads."""
        self._checkpoints.start()
        super().start()


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
