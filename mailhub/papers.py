"""Reads attached documents for the index, each in a process that is killed when it takes too long.

For a program without a reactor: it waits. What a process does, and within which limits, is
`net.chores`'; which documents are read, `wire.documents`'.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice

from mailhub.wire import documents, mime, transfer
from mailhub.wire.slices import Buffer

SECONDS = 20.0
"""That one document may take."""
MOST = 10
"""Documents of one message."""
ANSWER = 4 * documents.TEXT + 64
"""Bytes of an answer."""
PARTS = 1000


class Papers:
    """One process at a time, started when it is needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def of(self, data: Buffer, root: mime.Part) -> Iterator[str]:
        """The text of each document in a message; nothing for one that cannot be read."""
        wanted = (part for part in islice(root.walk(), PARTS) if kind(part))
        for part in islice(wanted, MOST):
            if part.end - part.body <= documents.LARGEST:
                content = transfer.decode(bytes(data[part.body : part.end]), part.encoding)
                yield self.read(content, kind(part))

    def read(self, content: bytes, kind: str) -> str:
        """The text of one document; empty where it cannot be read in time."""
        order = {"task": "read", "length": len(content), "given": {"kind": kind}}
        try:
            process = self._started()
            stdin = process.stdin
            assert stdin is not None
            stdin.write(json.dumps(order).encode() + b"\n" + content)
            stdin.flush()
            answer = _answer(process, time.monotonic() + SECONDS)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            self.stop()
            return ""
        return answer.decode("utf-8", "replace")

    def stop(self) -> None:
        """Kills the process, whatever it is at."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mailhub.net.chores"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
                },
            )
        return self._process


def kind(part: mime.Part) -> str:
    """Which kind of document a part is, empty for none."""
    from mailhub.core.search_words import attachment_name

    media = part.content.media.decode("ascii", "replace")
    return documents.kind(media, attachment_name(part))


def _answer(process: subprocess.Popen[bytes], until: float) -> bytes | None:
    """A line with a length, and so many bytes; None where it failed or took too long."""
    assert process.stdout is not None
    handle = process.stdout.fileno()
    said = bytearray()
    length = -1
    while True:
        ready, _, _ = select.select([handle], [], [], max(0.0, until - time.monotonic()))
        piece = os.read(handle, 65536) if ready else b""
        if not piece:
            return None
        said += piece
        if length < 0:
            head, found, rest = bytes(said).partition(b"\n")
            if not found:
                continue
            length = int(head)
            if not 0 <= length <= ANSWER:
                return b"" if length == -1 else None
            said = bytearray(rest)
        if len(said) >= length:
            return bytes(said)
