"""An ext4 disk of our own whose power can be cut: an image file on a loop device.

The cut is ext4's shutdown ioctl without flushing its log: what was synced survives, what was not
is gone, as after pulling the plug. Needs root and loop devices.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_LOG_FLUSH = 2
PATIENCE = 60.0
"""Seconds until nobody uses the disk any more: what reads the index for the server is last in line
for the processors, and on a busy machine it may still be starting when its server is gone."""


class LoopDisk:
    """`folder`: where the image and the mount point are made."""

    def __init__(self, folder: Path, megabytes: int = 512) -> None:
        self.image = folder / "disk.img"
        self.mount_point = folder / "disk"
        self._megabytes = megabytes

    def create(self) -> None:
        """Makes the file system and mounts it. Raises CalledProcessError where not possible."""
        self.mount_point.mkdir(parents=True, exist_ok=True)
        with self.image.open("wb") as image:
            image.truncate(self._megabytes << 20)
        _run("/sbin/mkfs.ext4", "-q", "-F", str(self.image))
        self.mount()

    def mount(self) -> None:
        """Mounts it; the file system replays its log."""
        _run("/bin/mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.mount_point))

    def cut(self) -> None:
        """From here on nothing reaches the image, and every call on the file system fails."""
        handle = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(handle)

    def unmount(self) -> None:
        """Waits for those who worked beside the server to see that it is gone. Raises
        CalledProcessError after `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                _run("/bin/umount", str(self.mount_point))
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def fail(self) -> None:
        """What ext4 does on a fault that it cannot mend: the file system turns read-only."""
        device = _run("/bin/findmnt", "-no", "SOURCE", str(self.mount_point)).strip()
        Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("1")

    def remove(self) -> None:
        """Unmounts if need be and deletes the image."""
        subprocess.run(["/bin/umount", "-l", self.mount_point], check=False, capture_output=True)
        self.image.unlink(missing_ok=True)


def available(folder: Path) -> bool:
    """Whether this machine lets us mount a loop image."""
    disk = LoopDisk(folder, 16)
    try:
        disk.create()
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        disk.remove()
    return True


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
