"""Becoming an ordinary user once the ports are bound, for good.

May only be called before threads exist and files of the store are open.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
from pathlib import Path

from mailhub.model.errors import MailhubError

PR_SET_NO_NEW_PRIVS = 38


def identity(user: str) -> tuple[int, int]:
    """User and group number of `user`. Raises MailhubError."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise MailhubError(f"user = {user!r}: no such user") from None
    return entry.pw_uid, entry.pw_gid


def become(uid: int, gid: int) -> None:
    """Drops root, its groups, and every way back; no core dumps, no new privileges."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getgroups():
        raise MailhubError("root's rights could not be given up")
    seal()


def become_owner(path: Path) -> None:
    """As root, becomes who owns `path`: a command must leave no file there that the server,
    which runs as that user, cannot write."""
    if os.getuid() == 0:
        owner = path.stat()
        if owner.st_uid != 0:
            become(owner.st_uid, owner.st_gid)


def seal() -> None:
    """What every server process does: no core dumps (they hold mail), no set-user-id programs."""
    os.umask(0o077)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
