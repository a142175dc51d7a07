"""The one thread that writes: natural group commit.

Whatever is waiting when a commit ends makes the next one, and everyone in it is told in one
wake-up of the reactor. How a commit is made, and what a failing disk does to it, is `commit`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from mailhub.model.errors import Unavailable
from mailhub.model.measure import Worst
from mailhub.store.batch import Failed, Job
from mailhub.store.hop import Hop

News = Any
"""What a commit makes known: given to who hears of it as the committer gave it."""
BATCH_JOBS = 512
BATCH_SIZE = 32 << 20
"""Most jobs and bytes of one commit: bounds how long the last one in it waits."""
CROWD = 4
"""Jobs a commit from which on it is worth waiting for more; a lone session never waits."""
GATHER_STEP = 0.0005
GATHER_STEPS = 20
GATHER_PATIENCE = 6
"""How long: at most so many steps of so many seconds, and so many in a row in which none came."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    size: int
    done: Deferred[Any]


class Commits(Protocol):
    """How a batch is carried out."""

    def commit(self, jobs: Sequence[Job]) -> tuple[list[object], News]:
        """One outcome for each job, durable; and what changed. Never raises."""
        ...

    def close(self) -> None: ...


class Told(Protocol):
    """Who hears of each commit, before those who asked for it have their answers."""

    def tell(self, news: News, /) -> None: ...


class Writer:
    """Takes jobs on the reactor's thread and carries them out on its own, many to a commit.

    `between`: what is done between two commits; `ended`: after the last. Both on its thread.
    `took`: what commits take. `seconds`: a monotonic clock.
    """

    def __init__(
        self,
        committer: Commits,
        hop: Hop,
        watchers: Told,
        pending: int,
        between: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self.took = Worst()
        self._seconds = seconds
        self._committer = committer
        self._between = between
        self._ended = ended
        self._hop = hop
        self._watchers = watchers
        self._pending_limit = pending
        self._pending = 0
        self._jobs: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._stopped = False
        self._usual = 0
        """Jobs of a commit in the last while."""
        self._thread = Thread(target=self._run, name="mailhub-writer", daemon=True)

    # -- the reactor's side

    @property
    def pending(self) -> int:
        """Bytes of the jobs that are not done yet."""
        return self._pending

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def refuse(self) -> None:
        """From now on new jobs fail; those that wait are still carried out."""
        if not self._stopped:
            self._stopped = True
            self._jobs.put(None)

    def join(self) -> None:
        """After `refuse`: blocks until all is done and closed."""
        self._thread.join()

    def submit(self, job: Job) -> Deferred[Any]:
        """Fires when the job's commit is durable, or with its error. Fails at once with
        Unavailable while too much is pending."""
        done: Deferred[Any] = Deferred()
        size = job.size
        pending, limit = self._pending, self._pending_limit
        # One large message is taken while next to nothing else waits, whatever its size.
        if self._stopped or (pending + size > limit and pending * 8 > limit):
            done.errback(Unavailable())
            return done
        self._pending += size
        self._jobs.put(_Waiting(job, size, done))
        return done

    def _finish(self, batch: Sequence[_Waiting], outcomes: Sequence[object], news: News) -> None:
        self._pending -= sum(waiting.size for waiting in batch)
        self._watchers.tell(news)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Failed):
                waiting.done.errback(outcome.error)
            else:
                waiting.done.callback(outcome)

    # -- the thread's side

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._next_batch()
            if batch:
                # Before the commit: behind it this would hold up the answers to the last one.
                self._between()
                self._carry_out(batch)
        self._committer.close()
        self._ended()

    def _carry_out(self, batch: Sequence[_Waiting]) -> None:
        begun = self._seconds()
        outcomes, news = self._committer.commit([waiting.job for waiting in batch])
        self.took.note(self._seconds() - begun)
        self._hop.post(lambda: self._finish(batch, outcomes, news))

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        """Waits for a job and takes all others that are there; whether it is the last batch."""
        waiting = self._jobs.get()
        self._gather()
        batch: list[_Waiting] = []
        size = 0
        last = False
        try:
            while waiting is not None:
                batch.append(waiting)
                size += waiting.size
                if len(batch) >= BATCH_JOBS or size >= BATCH_SIZE:
                    break
                waiting = self._jobs.get_nowait()
            else:
                last = True
        except Empty:
            last = False
        self._usual = max(len(batch), self._usual * 3 // 4)
        return batch, last

    def _gather(self) -> None:
        """Gives the jobs that usually come together a moment to do so.

        Sessions that were answered together send their next messages together. Without this the
        first of them takes a commit for itself: at ten sessions a third more is written.
        """
        idle = 0
        for _ in range(GATHER_STEPS):
            waiting = self._jobs.qsize() + 1
            if self._usual < CROWD or waiting >= self._usual or idle == GATHER_PATIENCE:
                return
            sleep(GATHER_STEP)
            idle = 0 if self._jobs.qsize() >= waiting else idle + 1
