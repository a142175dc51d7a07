"""Keeping the last of the disk for those who make room: a reserve that is given up when it fills.

Deleting mail writes too. Without a reserve a full disk could not be emptied through IMAP.
"""

from __future__ import annotations

import os
from pathlib import Path

LARGEST = 4 << 20
SMALLEST = 256 << 10


class Reserve:
    """Some disk space, held by a file.

    While it is given up (not `held`), `room_for` answers whether messages fit again; it takes the
    reserve back first, so that the space is not handed out twice.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "reserve"
        self._folder = folder
        self._size = SMALLEST
        self.held = False

    def take(self) -> bool:
        """Occupies the space; whether that could be done."""
        try:
            facts = os.statvfs(self._folder)
            self._size = max(SMALLEST, min(LARGEST, facts.f_blocks * facts.f_frsize // 16))
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._size)
            finally:
                os.close(handle)
            self.held = True
        except OSError:
            self.give_up()
        return self.held

    def give_up(self) -> None:
        """Frees the space: the disk is full."""
        self.held = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return  # Read-only by now; there is nothing to free then.

    def room_for(self, size: int) -> bool:
        """Whether `size` more bytes of messages fit, with the reserve whole."""
        try:
            facts = os.statvfs(self._folder)
        except OSError:
            return False
        free = facts.f_bavail * facts.f_frsize
        return free > 2 * self._size + size and self.take()
