"""How the machine does, as `ports.Condition`: what Linux says of memory and clock, and what the
SSH server's configuration lets in. Reads small files; judges nothing."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path

MEMORY = Path("/proc/meminfo")
UNSET = 0x40
"""STA_UNSYNC of adjtimex(2): nothing disciplines the clock."""
DEEP = 8
"""Files that include each other."""
_LINE = re.compile(r"\s*([A-Za-z]+)[\s=]+(.*?)\s*")


class LinuxCondition:
    """`ports.Condition`. `ssh`: the SSH server's configuration; empty: it is not looked at."""

    def __init__(self, ssh: str, memory: Path = MEMORY) -> None:
        self._ssh = ssh
        self._memory = memory

    def memory(self) -> tuple[int, int]:
        """See `ports.Condition`."""
        try:
            lines = self._memory.read_text().splitlines()
        except OSError:
            return 0, 0
        found = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
        try:
            return int(found["MemAvailable"][0]) << 10, int(found["MemTotal"][0]) << 10
        except (KeyError, ValueError, IndexError):
            return 0, 0

    def clock_is_set(self) -> bool | None:
        """See `ports.Condition`."""
        asked = ctypes.create_string_buffer(512)  # struct timex, whose first field is `modes`: 0
        try:
            done = ctypes.CDLL(None, use_errno=True).adjtimex(asked)
        except (OSError, AttributeError):
            return None
        if done < 0:
            return None
        # modes (4, padded to 8), offset, freq, maxerror, esterror (long each), then status (int)
        size = ctypes.sizeof(ctypes.c_long)
        status = ctypes.c_int.from_buffer(asked, 5 * size).value
        return not status & UNSET

    def takes_passwords(self) -> bool | None:
        """See `ports.Condition`."""
        if not self._ssh:
            return None
        try:
            said = dict(reversed(list(_settings(Path(self._ssh), DEEP))))
        except OSError:
            return None
        return said.get("passwordauthentication", "yes").lower() != "no"


def _settings(path: Path, deep: int) -> Iterator[tuple[str, str]]:
    """Words and values of a configuration, as far as they hold for everybody: of what is said more
    than once the first counts (sshd_config(5)). Raises OSError."""
    for line in path.read_text("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        word, value = found[1].lower(), found[2].strip('"')
        if word == "match":
            return
        if word == "include" and deep:
            for pattern in value.split():
                for name in sorted(glob(str(path.parent / pattern))):
                    yield from _settings(Path(name), deep - 1)
        else:
            yield word, value
