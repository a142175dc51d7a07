"""Moving pages from the write-ahead log into the database, beside the commits and not in them.

SQLite's own way makes the commit that fills the log do it: a stall of many syncs in the path of a
message. Here a thread copies the bulk while commits go on. What was added meanwhile is little;
the writer itself moves that between two commits, so that the log begins anew and stays short.

It begins anew when nobody reads from it. Where readers follow one another without a gap (searches),
that never happens by itself, and everybody reads the slower the longer it is: then commits wait for
a moment, in which new readers need no log and those that there are come to their end.
"""

from __future__ import annotations

import os
import sqlite3
from enum import Enum
from pathlib import Path
from threading import Event, Thread

from mailhub.store import database

PAGES = 4000
"""Pages in the log that call for a checkpoint: 16 MB. Four times as many write 1% less."""
LONG = 4
"""Times as many in the log are too many."""
MOMENT = 250
"""Milliseconds in which readers come to their end, nearly always."""
SMALLEST = 100
SHARE = 64
"""On a small disk the log takes no more than this share of it, or so few pages."""


class State(Enum):
    """IDLE → ASKED (by the writer) → COPIED (by the thread) → IDLE (by the writer)."""

    IDLE = "idle"
    ASKED = "asked"
    COPIED = "copied"
    STOPPED = "stopped"


class Checkpoints:
    """Watches the log's length for the writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = database.LogLength(folder)
        self._state = State.IDLE
        self._wanted = Event()
        facts = os.statvfs(folder)
        share = facts.f_blocks * facts.f_frsize // SHARE // database.PAGE_SIZE
        self._pages = max(SMALLEST, min(PAGES, share))
        self._until = self._pages
        self._too_long = LONG * self._pages
        self._thread = Thread(target=self._run, name="mailhub-checkpoints", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """On the writer's thread, after all other connections closed."""
        self._state = State.STOPPED
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log.close()

    def between_commits(self, connection: sqlite3.Connection | None) -> None:
        """On the writer's thread: cheap when there is nothing to do."""
        if self._state is State.IDLE:
            pages = self._log.pages()
            if pages < self._until - self._pages:
                self._until = self._pages
            if pages > self._until:
                self._state = State.ASKED
                self._wanted.set()
        elif self._state is State.COPIED and connection is not None:
            _checkpoint(connection)
            if self._log.pages() > self._too_long:
                begun = database.begin_log_anew(connection, MOMENT)
                # Who reads for longer holds up no commits again before it is twice as long.
                self._too_long = LONG * self._pages if begun else 2 * self._log.pages()
            # A reader may keep the log from beginning anew: then it is tried when it grew again.
            self._until = self._log.pages() + self._pages
            self._state = State.IDLE

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._state is State.STOPPED:
                break
            try:
                connection = connection or database.connect_checkpointer(self._folder)
                _checkpoint(connection)
            except sqlite3.Error:
                # Nothing is lost: the log still holds it all, and the next round tries again.
                if connection is not None:
                    connection.close()
                connection = None
            if self._state is State.ASKED:
                self._state = State.COPIED
        if connection is not None:
            connection.close()


def _checkpoint(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error:
        return  # As above: a checkpoint that failed changed nothing that matters.
