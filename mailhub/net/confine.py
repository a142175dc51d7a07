"""Run as a script: sets limits, then becomes the program that is named. `net.programs` starts it.

    python -I -S confine.py MEMORY CPU FILES PROGRAM ARGUMENT …

It stands alone, so that it starts in a few milliseconds; it may import nothing of mailhub.
"""

from __future__ import annotations

import os
import resource
import sys

CANNOT = 126
"""Exit status where the program cannot be run, as in a shell."""


def main() -> None:
    """Never returns. Limits that the system does not take leave it as it is."""
    memory, cpu, files, program, *arguments = sys.argv[1:]
    os.setsid()  # a group of its own, so that what it started ends with it
    os.umask(0o077)
    for limit, value in (
        (resource.RLIMIT_AS, int(memory)),
        (resource.RLIMIT_CPU, int(cpu)),
        (resource.RLIMIT_FSIZE, int(files)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    try:
        os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"cannot run: {error.strerror}\n")
        sys.exit(CANNOT)


if __name__ == "__main__":
    main()
