"""The process: what it may use up, and which index it keeps."""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from pathlib import Path

from mailhub.indexing.folder import Follower
from mailhub.indexing.line import EndedError, Line
from mailhub.indexing.reading import Reading
from mailhub.papers import Papers

MEMORY = 1 << 30
"""Bytes of address space."""
TOLD = "-"
"""Instead of a folder: the database that the server names on standard input."""


def main(where: str, niceness: int, read: bool, review: float) -> int:
    """Keeps the index of the store there until standard input ends. `read`: documents, too;
    `review`: seconds between two looks at what is gone."""
    os.nice(niceness)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    papers = Papers() if read else None
    try:
        _keep(where, Reading(papers), Line(), review)
    except (BrokenPipeError, EndedError):
        return 0
    finally:
        if papers is not None:
            papers.stop()
    return 0


def _keep(where: str, reading: Reading, line: Line, review: float) -> None:
    if where == TOLD:
        from mailhub.indexing.shared import Follower as SharedFollower

        SharedFollower(line.told()["database"], reading, line, review).run()
        return
    folder = Path(where)
    handle = os.open(folder / "search.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)  # one that belonged to a server before ends soon
    Follower(folder, reading, line.ended, line.behind, review).run(line.say)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "read", float(sys.argv[4])))
