"""A batch of arrivals while it runs: what was looked up for it, and the rows that it writes.

What becomes of each order is decided in `arrivals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.model.flags import DELETED, SEEN
from mailhub.model.message import Arrival
from mailhub.store import conversations, filters, queue
from mailhub.store.sql import put_rows
from mailhub.store.threads import Threads
from mailhub.store.transaction import Transaction

Threaded = tuple[int, int, int]
"""(account, mailbox, thread)."""


@dataclass(slots=True)
class Box:
    """A mailbox while the batch runs. The last seven say what the batch adds; `steady`: the first
    and last UID of what came with no date of its own."""

    account: int
    number: int
    uidvalidity: int
    uidnext: int
    modseq: int
    retention: int
    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0
    threads: int = 0
    steady_from: int = 0
    steady_to: int = 0

    def take(self, size: int, code: int) -> int:
        """Counts a message in; its UID."""
        uid = self.uidnext
        self.uidnext = uid + 1
        self.messages += 1
        self.size += size
        self.unseen += not code & SEEN
        self.deleted += bool(code & DELETED)
        return uid

    def keep_steady(self, uid: int) -> None:
        """Its INTERNALDATE is when it was saved (see `tables.archive`)."""
        self.steady_from = self.steady_from or uid
        self.steady_to = uid


@dataclass(slots=True)
class Usage:
    storage: int
    messages: int
    limit_storage: int
    limit_messages: int


@dataclass(slots=True)
class Batch:
    """All that a batch looked up, and the rows it will write. `threaded`: threads that got a
    message in a mailbox; `joined`: those of them that it may have had before."""

    tx: Transaction
    threads: Threads
    boxes: dict[tuple[int, int | None], Box] = field(default_factory=dict)
    usages: dict[int, Usage] = field(default_factory=dict)
    contents: list[list[Any]] = field(default_factory=list)
    messages: list[tuple[int, ...]] = field(default_factory=list)
    handovers: list[tuple[object, ...]] = field(default_factory=list)
    known: dict[str, Sequence[Arrival]] = field(default_factory=dict)
    outgoing: list[queue.Outgoing] = field(default_factory=list)
    threaded: set[Threaded] = field(default_factory=set)
    joined: list[Threaded] = field(default_factory=list)
    done: set[filters.Mark] = field(default_factory=set)
    marks: dict[filters.Mark, int] = field(default_factory=dict)

    def count_thread(self, box: Box, content: int, thread: int) -> None:
        """Notes that a message of `thread` came, which stands on `content`."""
        here = (box.account, box.number, thread)
        if here not in self.threaded:
            self.threaded.add(here)
            if thread == content:
                box.threads += 1
            else:
                self.joined.append(here)


_UPDATE_BOXES = """
    UPDATE mailbox SET uidnext = news.uidnext, highestmodseq = news.modseq,
        messages = mailbox.messages + news.messages, unseen = mailbox.unseen + news.unseen,
        deleted = mailbox.deleted + news.deleted, size = mailbox.size + news.size,
        steady_from = CASE WHEN mailbox.steady_to = 0 THEN news.steady_from
            ELSE mailbox.steady_from END,
        steady_to = max(mailbox.steady_to, news.steady_to),
        threads = mailbox.threads + news.threads
    FROM news WHERE mailbox.account = news.account AND mailbox.number = news.number
"""


def write(batch: Batch) -> None:
    """All rows of the batch, each table once."""
    batch.threads.write()
    if batch.outgoing:
        queue.add(batch.tx, batch.outgoing)
    if batch.marks:
        rows = [(account, key, until) for (account, key), until in batch.marks.items()]
        filters.mark(batch.tx, rows)
    if batch.joined:
        for account, mailbox, _ in {*batch.joined} - conversations.known(batch.tx, batch.joined):
            batch.boxes[account, mailbox].threads += 1
    if batch.contents:
        _write_messages(batch)
        _write_counters(batch)
    if batch.handovers:
        put_rows(
            batch.tx.cursor,
            "INSERT INTO handover (token, at, arrivals) VALUES",
            batch.handovers,
        )


def _write_messages(batch: Batch) -> None:
    # Sorted, so that each page is found once and filled from its end.
    batch.contents.sort()
    batch.messages.sort()
    put_rows(
        batch.tx.cursor,
        "INSERT INTO content (key, account, uses, segment, start, length, digest,"
        " header_length, thread, sent_at, attachments, prefix, envelope, bodystructure,"
        " subject, message_id, reference_ids, preview) VALUES",
        batch.contents,
    )
    put_rows(
        batch.tx.cursor,
        "INSERT INTO message (account, mailbox, uid, modseq, flags, internaldate, savedate,"
        " size, content, expires, thread) VALUES",
        batch.messages,
    )


def _write_counters(batch: Batch) -> None:
    touched = {box.number: box for box in batch.boxes.values() if box.messages}
    put_rows(
        batch.tx.cursor,
        "WITH news (account, number, uidnext, modseq, messages, unseen, deleted, size, threads,"
        " steady_from, steady_to) AS (VALUES",
        [
            (
                box.account,
                box.number,
                box.uidnext,
                box.modseq,
                box.messages,
                box.unseen,
                box.deleted,
                box.size,
                box.threads,
                box.steady_from,
                box.steady_to,
            )
            for box in touched.values()
        ],
        ")" + _UPDATE_BOXES,
    )
    put_rows(
        batch.tx.cursor,
        "WITH news (account, storage, messages) AS (VALUES",
        [(account, usage.storage, usage.messages) for account, usage in batch.usages.items()],
        ") UPDATE usage SET used_storage = news.storage, used_messages = news.messages"
        " FROM news WHERE usage.account = news.account",
    )
