"""A picture of the data folder at one moment, made while mail goes on; and a store made of one.

Segments are append-only, so a link to each is enough: they are linked, then the database is
copied, then what segments came meanwhile. Every byte that a row of the copy stands on is in the
links then. Compaction may take a segment's name away, and leaves the bytes to the link.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mailhub.model.errors import InUse, MailhubError, NotFound, StorageFull, Unavailable
from mailhub.store import database
from mailhub.store.segments import numbers, path_of
from mailhub.store.sql import Cursor

STORE = "store"
DUMP = "database.dump"
"""The store's copy where it is a database."""
SEGMENTS = "segments"
LEFT_OUT = frozenset({"run", "backup", STORE})
"""Of the data folder: what is true for this process only, the backups, and what is copied apart."""


def take(data: Path, to: Path, copy: Callable[[Path], None] | None = None) -> None:
    """Makes the picture of the data folder `data` at `to`, on the same file system. `copy`: puts
    what the store is into a folder, where it is not in the data folder. Blocks. Raises StorageFull,
    Unavailable."""
    clear(to)
    try:
        _link_all(data, to)
        if copy is None:
            _copy_store(data / STORE, to / STORE)
        else:
            (to / STORE).mkdir(mode=0o700)
            copy(to / STORE / DUMP)
    except MailhubError:
        clear(to)
        raise
    except (OSError, sqlite3.Error) as error:
        clear(to)
        if getattr(error, "errno", 0) == errno.ENOSPC or "disk is full" in str(error):
            raise StorageFull("The disk has no room for a copy of the database") from error
        raise Unavailable(f"No picture of the data folder could be made: {error}") from error


def clear(to: Path) -> None:
    """Takes a picture away, whole or not."""
    shutil.rmtree(to, ignore_errors=True)


def _link_all(data: Path, to: Path) -> None:
    """Everything beside the store: secrets, certificates, sites."""
    to.mkdir(mode=0o700, parents=True)
    for path in sorted(data.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, to / path.name, symlinks=True, copy_function=_link)
        elif path.is_file():
            _link(path, to / path.name)


def _link(source: str | Path, target: str | Path) -> str:
    """Files here are replaced, never written over; one that is gone by now is not missed."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        return str(target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copy2(source, target, follow_symlinks=False)
    return str(target)


def _copy_store(store: Path, to: Path) -> None:
    (to / SEGMENTS).mkdir(mode=0o700, parents=True)
    _link_segments(store, to)
    handle = os.open(to / database.NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    with (
        closing(database.connect_reader(store)) as source,
        closing(sqlite3.connect(to / database.NAME)) as copy,
    ):
        # All in one step: another connection's commit would make a further step begin anew.
        source.backup(copy, pages=-1)
    _link_segments(store, to)


def _link_segments(store: Path, to: Path) -> None:
    known = set(numbers(to / SEGMENTS))
    for number in numbers(store / SEGMENTS):
        if number not in known:
            _link(path_of(store / SEGMENTS, number), path_of(to / SEGMENTS, number))


# -- a data folder made of a picture


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: entries of the queue that are on hold."""

    mailboxes: int
    held: int


def place(picture: Path, data: Path) -> Restored:
    """Makes a picture the data folder `data`, which has no store yet. Raises InUse, NotFound.

    What mail came and left since the picture is not known here: see `renew`.
    """
    _require_none(data)
    if not (picture / STORE / database.NAME).is_file():
        raise NotFound("This backup holds no store")
    with closing(sqlite3.connect(picture / STORE / database.NAME, isolation_level=None)) as copy:
        copy.execute("BEGIN IMMEDIATE")
        restored = renew(copy, int(time.time()))
        copy.execute("COMMIT")
    place_files(picture, data)
    return restored


def _require_none(data: Path) -> None:
    if (data / STORE / database.NAME).exists():
        raise InUse(f"{data} holds a store already")


def place_files(picture: Path, data: Path) -> None:
    """Moves everything in a picture into the data folder."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(picture.iterdir()):
        target = data / path.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(path, target)


def renew(cursor: Cursor, now: int) -> Restored:
    """Every mailbox gets a new UIDVALIDITY, since UIDs that were given out since would be given out
    again (RFC 9051 section 2.3.1.1), and what waits in the queue waits for an administrator, who
    knows whether it was sent. To be called in a transaction."""
    # Numbers of mailboxes are small and never used twice in an account.
    boxes = cursor.execute(
        "UPDATE mailbox SET uidvalidity = number + (SELECT max(u.uidvalidity, :now) FROM usage AS u"
        " WHERE u.account = mailbox.account)",
        {"now": now},
    ).rowcount
    cursor.execute(
        "UPDATE usage SET uidvalidity = max(uidvalidity, coalesce((SELECT max(b.uidvalidity)"
        " FROM mailbox AS b WHERE b.account = usage.account), 0))",
        {},
    )
    held = cursor.execute("UPDATE queue_entry SET held = 1 WHERE held = 0", {}).rowcount
    return Restored(boxes, held)
