"""What the stores on disk have in common: threads that read, one that writes, and their end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from mailhub.model.measure import Measure
from mailhub.ports import Blobs, SearchIndex
from mailhub.ports.leases import Nodes
from mailhub.store.background import Background
from mailhub.store.hop import Hop
from mailhub.store.readers import Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.spools import SpoolFolder
from mailhub.store.storage import ServedStorage
from mailhub.store.watchers import Watchers
from mailhub.store.writer import Writer


class StoreReactor(Protocol):
    """What a store asks of the reactor."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...
    def callLater(self, delay: float, call: Callable[..., object]) -> IDelayedCall: ...


class Searching(SearchIndex, Protocol):
    """What answers searches."""

    def looked_after(self, wake: Callable[[], None], state: Callable[[], str]) -> None:
        """`wake`: called, on the reactor's thread, when the index is damaged or to be made anew.
        `state` says what is being done to it."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None:
        """Ends it after what was asked for; blocks until then."""
        ...


class ThreadedStore(ServedStorage):
    """`ports.Storage`. Call `start` before use and `stop` at the end. `searching` answers searches.
    `closed`: called last, on a thread. `nodes`: the processes that share it."""

    nodes: Nodes
    measures: list[Measure]

    def __init__(
        self,
        hop: Hop,
        readers: Readers,
        writer: Writer,
        spools: SpoolFolder,
        watchers: Watchers,
        searching: Searching,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(self._runner(readers, writer), spools, watchers)
        self.blobs: Blobs = readers
        self._hop = hop
        self._readers = readers
        self._writer = writer
        self.search_index = searching
        self._closed = closed
        self._background: Background | None = None
        self.measures = [
            Measure(
                "mailhub_store_reads_waiting",
                "Reads of the store that wait for a free thread",
                lambda: readers.waiting,
            ),
            Measure(
                "mailhub_store_read_wait_worst_seconds",
                "The longest that one waited for it since this was last read",
                readers.waited.read,
            ),
            Measure(
                "mailhub_store_pending_bytes",
                "Octets that wait for their commit",
                lambda: writer.pending,
            ),
            Measure(
                "mailhub_store_commit_worst_seconds",
                "The longest commit since this was last read",
                writer.took.read,
            ),
        ]

    def _runner(self, readers: Readers, writer: Writer) -> ThreadRunner:
        """What its services run their work with."""
        return ThreadRunner(readers, writer)

    def looked_after(self, background: Background) -> None:
        """Work that no caller waits for begins and ends with the store."""
        self._background = background
        self.watch(background.heard)

    def start(self) -> None:
        """Starts the threads."""
        self._readers.start()
        self.search_index.start()
        self._writer.start()
        if self._background is not None:
            self._background.start()

    def stop(self) -> Deferred[None]:
        """Finishes what was asked for, then closes everything; fires when that is done."""
        done: Deferred[None] = Deferred()
        if self._background is not None:
            self._background.stop()
        self._writer.refuse()

        def close() -> None:
            self._readers.stop()
            self.search_index.stop()
            self._writer.join()
            self._closed()
            self._hop.post(lambda: done.callback(None))

        # A thread of its own: the reactor's pool may be gone when a server stops.
        Thread(target=close, name="mailhub-store-stop").start()
        return done
