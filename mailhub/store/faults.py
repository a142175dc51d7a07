"""What the disk and the database can do to us, as error kinds. Full and broken are told apart."""

from __future__ import annotations

import errno
import sqlite3

from mailhub.model.errors import Corrupt, MailhubError, StorageFull, Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class DriverError(Exception):
    """A failure that another driver than SQLite's reports, as the kind that callers get."""

    def __init__(self, kind: MailhubError) -> None:
        super().__init__(str(kind))
        self.kind = kind

    @property
    def reason(self) -> str:
        """What the database said, in one line."""
        return str(self.__cause__ or self).strip().partition("\n")[0]


DRIVER = (sqlite3.OperationalError, sqlite3.DatabaseError, OSError, DriverError)
"""Errors that end a whole transaction and cost its connection."""


def kind_of(error: BaseException) -> MailhubError:
    """The kind that callers get for a failure of the disk, the file system or the database."""
    if isinstance(error, MailhubError):
        return error
    if isinstance(error, DriverError):
        return error.kind
    if isinstance(error, OSError):
        return StorageFull() if error.errno in FULL else Unavailable()
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StorageFull()
        return Corrupt() if code in _DAMAGED else Unavailable()
    return Unavailable()
