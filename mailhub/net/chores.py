"""Run as a module by `net.workers`: does what may take long or run away, one piece after another.

It reads a line of JSON (`task`, `length`, `given`) and that many bytes on its standard input, and
answers with a line that tells a length, and so many bytes; a length below 0 is a failure. It knows
nothing of the server that it works for, and may import nothing but `mailhub.wire`.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

MEMORY = 768 * 1024 * 1024
"""Bytes of address space."""

Task = Callable[[bytes, Mapping[str, Any]], bytes]


def show(data: bytes, given: Mapping[str, Any]) -> bytes:
    """A text of a message, HTML or not, as JSON: `html` that can be shown, and `text`."""
    from mailhub.wire import sanitized, text

    source = data.decode("utf-8", "replace")
    if given["html"]:
        shown = sanitized.clean(source, given["parts"], given["link"])
        plain = text.readable(source)
    else:
        shown, plain = sanitized.from_plain(source), source
    return json.dumps({"html": shown, "text": plain}).encode()


def read(data: bytes, given: Mapping[str, Any]) -> bytes:
    """The text of an attached document of a `kind` that `wire.documents` knows."""
    from mailhub.wire import documents

    return documents.text_of(data, given["kind"]).encode("utf-8", "replace")


TASKS: Mapping[str, Task] = {"show": show, "read": read}


def serve(come: BinaryIO, go: BinaryIO) -> None:
    """Until there is no more to read."""
    while line := come.readline():
        order = json.loads(line)
        data = come.read(order["length"])
        try:
            done = TASKS[order["task"]](data, order["given"])
        except Exception:
            go.write(b"-1\n")
        else:
            go.write(b"%d\n" % len(done))
            go.write(done)
        go.flush()


def main() -> None:
    """What the child process does."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
