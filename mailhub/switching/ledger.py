"""How far a move came, on the disk: of all objects in one file, of each account's mail in another.

Both are SQLite databases below the data folder, so that every step is there or not, whenever the
command is cut off. Losing them loses no mail and doubles none while hand-overs are remembered by
the store; it costs fetching everything again. Nothing secret is in them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mailhub.switching.faults import SwitchFault
from mailhub.switching.following import FlagNames, Noted

VERSION = 1


class Made(Enum):
    """What became of an object."""

    BEGUN = "begun"
    """It was not here, and is made at the moment, or was when the command was cut off."""
    DONE = "made"
    THERE = "was here"
    REFUSED = "refused"


class Stage(Enum):
    """What became of an account's mail: WAITING → COPYING → COPIED → VERIFIED → HERE; FAILED from
    where something is in the way, and on from there."""

    WAITING = "waiting"
    COPYING = "copying"
    COPIED = "copied"
    VERIFIED = "verified"
    HERE = "here"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Record:
    """One object. `notes`: what could not be carried over, or why it was refused."""

    kind: str
    name: str
    made: Made
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """One account's mail. `user`: here; `login`: there; `damaged`: messages that could not be read
    there; `detail`: what is in the way."""

    user: str
    login: str
    stage: Stage
    detail: str = ""
    messages: int = 0
    damaged: int = 0
    at: int = 0


class Book:
    """Of a whole move; used by several threads."""

    def __init__(self, folder: Path, moment: Callable[[], float] = time.time) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._moment = moment
        self._lock = threading.Lock()
        self._claim: int | None = None
        self._base = _opened(
            folder / "book.sqlite",
            "CREATE TABLE object (kind TEXT, name TEXT, made TEXT, notes TEXT,"
            " PRIMARY KEY (kind, name)) WITHOUT ROWID;"
            "CREATE TABLE post (user TEXT PRIMARY KEY, login TEXT, stage TEXT, detail TEXT,"
            " messages INTEGER, damaged INTEGER, at INTEGER) WITHOUT ROWID;",
        )

    def close(self) -> None:
        """Ends it."""
        with self._lock:
            self._base.close()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def claim(self) -> None:
        """One command at a time moves from this source. Raises SwitchFault."""
        if self._claim is None:
            self._claim = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SwitchFault("another `mailhub switch` is at work on this source") from None

    # -- objects

    def note(self, kind: str, name: str, made: Made, notes: Sequence[str] = ()) -> None:
        """What became of an object."""
        self._write(
            "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?)",
            (kind, name, made.value, json.dumps(list(notes))),
        )

    def made(self, kind: str, name: str) -> Made | None:
        """What became of it; None: nothing yet."""
        with self._lock:
            row = self._base.execute(
                "SELECT made FROM object WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
        return Made(row[0]) if row else None

    def records(self) -> Sequence[Record]:
        """All, by kind and name."""
        with self._lock:
            rows = self._base.execute(
                "SELECT kind, name, made, notes FROM object ORDER BY kind, name"
            ).fetchall()
        return [Record(k, n, Made(m), tuple(json.loads(notes))) for k, n, m, notes in rows]

    # -- mail

    def await_mail(self, user: str, login: str) -> None:
        """An account's mail is to be copied; what is known of it stays."""
        self._write(
            "INSERT INTO post VALUES (?, ?, ?, '', 0, 0, ?)"
            " ON CONFLICT (user) DO UPDATE SET login = excluded.login",
            (user, login, Stage.WAITING.value, int(self._moment())),
        )

    def stage(
        self,
        user: str,
        stage: Stage,
        detail: str = "",
        *,
        messages: int | None = None,
        damaged: int | None = None,
    ) -> None:
        """How far an account's mail is."""
        self._write(
            "UPDATE post SET stage = ?, detail = ?, messages = coalesce(?, messages),"
            " damaged = coalesce(?, damaged), at = ? WHERE user = ?",
            (stage.value, detail, messages, damaged, int(self._moment()), user),
        )

    def posts(self) -> Sequence[Post]:
        """All, by user."""
        with self._lock:
            rows = self._base.execute(
                "SELECT user, login, stage, detail, messages, damaged, at FROM post ORDER BY user"
            ).fetchall()
        return [Post(u, o, Stage(s), d, m, b, at) for u, o, s, d, m, b, at in rows]

    def ledger(self, user: str) -> Ledger:
        """That of an account's mail."""
        folder = self.folder / "mail"
        folder.mkdir(mode=0o700, exist_ok=True)
        name = hashlib.sha256(user.encode()).hexdigest()[:32]
        return Ledger(folder / f"{name}.sqlite")

    def _write(self, statement: str, values: Sequence[object]) -> None:
        with self._lock, self._base:
            self._base.execute(statement, values)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a folder there was like when all of it was last copied."""

    validity: int
    uidnext: int
    modseq: int
    messages: int


class Ledger:
    """Of one account's mail. A folder is known by its name there and by the mailbox here."""

    def __init__(self, path: Path) -> None:
        self._base = _opened(
            path,
            "CREATE TABLE folder (number INTEGER PRIMARY KEY, theirs TEXT UNIQUE, ours TEXT,"
            " box TEXT, validity INTEGER, uidnext INTEGER, modseq INTEGER, messages INTEGER);"
            "CREATE TABLE message (folder INTEGER, validity INTEGER, uid INTEGER, here INTEGER,"
            " flags TEXT, size INTEGER, digest BLOB,"
            " PRIMARY KEY (folder, validity, uid)) WITHOUT ROWID;"
            "CREATE TABLE damaged (folder INTEGER, uid INTEGER, why TEXT,"
            " PRIMARY KEY (folder, uid)) WITHOUT ROWID;",
            check_same_thread=True,
        )

    def close(self) -> None:
        """Ends it."""
        self._base.close()

    def save(self) -> None:
        """What was noted is on the disk."""
        self._base.commit()

    def folder(self, theirs: str, ours: str, box: str) -> int:
        """The number of a folder. `box`: the id of the mailbox here; where that is another one than
        before, what was noted is void."""
        row = self._base.execute(
            "SELECT number, box FROM folder WHERE theirs = ?", (theirs,)
        ).fetchone()
        if row is not None and row[1] != box:
            self.forget(row[0])
            row = None
        if row is None:
            made = self._base.execute(
                "INSERT INTO folder (theirs, ours, box, validity, uidnext, modseq, messages)"
                " VALUES (?, ?, ?, 0, 0, 0, -1)",
                (theirs, ours, box),
            )
            return int(made.lastrowid or 0)
        self._base.execute("UPDATE folder SET ours = ? WHERE number = ?", (ours, row[0]))
        return int(row[0])

    def folders(self) -> Sequence[tuple[int, str, str]]:
        """(number, theirs, ours) of all."""
        return self._base.execute("SELECT number, theirs, ours FROM folder").fetchall()

    def forget(self, folder: int) -> None:
        """A folder that is no more."""
        for table, column in (("message", "folder"), ("damaged", "folder"), ("folder", "number")):
            self._base.execute(f"DELETE FROM {table} WHERE {column} = ?", (folder,))  # noqa: S608

    def seen(self, folder: int) -> Seen:
        """What it was like."""
        row = self._base.execute(
            "SELECT validity, uidnext, modseq, messages FROM folder WHERE number = ?", (folder,)
        ).fetchone()
        return Seen(*row)

    def see(self, folder: int, seen: Seen) -> None:
        """All of it is copied."""
        self._base.execute(
            "UPDATE folder SET validity = ?, uidnext = ?, modseq = ?, messages = ?"
            " WHERE number = ?",
            (seen.validity, seen.uidnext, seen.modseq, seen.messages, folder),
        )

    # -- messages

    def noted(self, folder: int, validity: int) -> Mapping[int, Noted]:
        """What was taken in of a folder, by UID there."""
        rows = self._base.execute(
            "SELECT uid, here, flags, size, digest FROM message WHERE folder = ? AND validity = ?",
            (folder, validity),
        )
        return {uid: Noted(h, tuple(flags.split()), size, d) for uid, h, flags, size, d in rows}

    def former(self, folder: int, validity: int) -> Iterator[tuple[int, int, Noted]]:
        """(UIDVALIDITY, UID, message) of what was taken in under other UIDVALIDITYs."""
        rows = self._base.execute(
            "SELECT validity, uid, here, flags, size, digest FROM message"
            " WHERE folder = ? AND validity <> ?",
            (folder, validity),
        )
        for old, uid, here, flags, size, digest in rows.fetchall():
            yield old, uid, Noted(here, tuple(flags.split()), size, digest)

    def note(self, folder: int, validity: int, uid: int, one: Noted) -> None:
        """A message was taken in."""
        self._base.execute(
            "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)",
            (folder, validity, uid, one.here, " ".join(one.flags), one.size, one.digest),
        )
        self._base.execute("DELETE FROM damaged WHERE folder = ? AND uid = ?", (folder, uid))

    def reflag(self, folder: int, validity: int, flags: Mapping[int, FlagNames]) -> None:
        """Flags that they have there by now, and here."""
        self._base.executemany(
            "UPDATE message SET flags = ? WHERE folder = ? AND validity = ? AND uid = ?",
            [(" ".join(one), folder, validity, uid) for uid, one in flags.items()],
        )

    def drop(self, folder: int, places: Iterable[tuple[int, int]]) -> None:
        """(UIDVALIDITY, UID) of what is no more."""
        self._base.executemany(
            "DELETE FROM message WHERE folder = ? AND validity = ? AND uid = ?",
            [(folder, validity, uid) for validity, uid in places],
        )

    def damage(self, folder: int, uid: int, why: str) -> None:
        """A message that could not be read there."""
        self._base.execute("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?)", (folder, uid, why))

    def mend(self, folder: int, there: Iterable[int]) -> None:
        """Only UIDs that are there can be damaged."""
        known = set(there)
        rows = self._base.execute("SELECT uid FROM damaged WHERE folder = ?", (folder,))
        gone = [(folder, uid) for (uid,) in rows.fetchall() if uid not in known]
        self._base.executemany("DELETE FROM damaged WHERE folder = ? AND uid = ?", gone)

    def is_damaged(self, folder: int) -> bool:
        """Whether a message of the folder could not be read."""
        row = self._base.execute("SELECT 1 FROM damaged WHERE folder = ? LIMIT 1", (folder,))
        return row.fetchone() is not None

    def damaged(self) -> Sequence[tuple[str, int, str]]:
        """(folder there, UID, why) of all."""
        return self._base.execute(
            "SELECT theirs, uid, why FROM damaged JOIN folder ON number = folder"
            " ORDER BY theirs, uid"
        ).fetchall()

    def messages(self) -> int:
        """How many were taken in."""
        return int(self._base.execute("SELECT count(*) FROM message").fetchone()[0])


def _opened(path: Path, tables: str, *, check_same_thread: bool = False) -> sqlite3.Connection:
    """`tables`: statements that make a new one. Raises OSError where it is of another version."""
    path.touch(mode=0o600)
    base = sqlite3.connect(path, timeout=60, check_same_thread=check_same_thread)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = NORMAL")
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version == 0:
        base.executescript(f"BEGIN; {tables} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        base.close()
        raise OSError(0, "another release of mailhub made it", str(path))
    return base
