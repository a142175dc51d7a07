"""A server that takes mail and counts it, by message and recipient, with the time of each step.

It outlives the server under test. What it does with a recipient stands in the recipient's name:
`ok` is taken, `later` once refused for now, `never` refused for good; a message with a `drop` is
once taken without an answer, one with a `slow` is answered late. It offers CHUNKING to every
second connection.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import BinaryIO

IDENTITY = re.compile(rb"^X-Crash-Id: (\S+)\r$", re.M)
LATE = 0.15
"""Seconds until a `slow` message is answered."""
NEVER = float("inf")

Key = tuple[str, str]
"""(message, recipient)."""


@dataclass
class Taken:
    """One message that was taken. `at`: when; `answered`: when the 250 was handed to the system,
    NEVER where it was not. `dropped`: on purpose. Monotonic seconds."""

    at: float
    answered: float = NEVER
    dropped: bool = False


@dataclass
class Counts:
    """What happened, under one lock. `refused`: answers to RCPT by (recipient, code)."""

    taken: dict[Key, list[Taken]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    dropped: set[str] = field(default_factory=set)
    """Messages that were dropped behind the dot already."""
    broken: list[str] = field(default_factory=list)
    """What the client did wrong."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sink:
    """Listens on a free port of the loopback addresses until `stop`."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.counts = self.counts
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512
    counts: Counts
    numbers = count()


class _Session(socketserver.BaseRequestHandler):
    """One connection."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, EOFError), self.request.makefile("rb") as lines:
            self._say("220 sink.test ESMTP")
            self._session(lines)

    def _say(self, *lines: str) -> None:
        *first, last = lines
        text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in first) + last + "\r\n"
        self.request.sendall(text.encode())

    def _session(self, lines: BinaryIO) -> None:
        recipients: list[str] = []
        chunks = bytearray()
        chunking = next(self.server.numbers) % 2 == 0
        while True:
            line = lines.readline()
            if not line.endswith(b"\r\n"):
                return
            words = line.decode("ascii", "replace").split()
            verb = words[0].upper() if words else ""
            if verb == "EHLO":
                offers = ["250 PIPELINING", "250 ENHANCEDSTATUSCODES", "250 8BITMIME"]
                more = ["250 CHUNKING"] if chunking else []
                self._say("250 sink.test", *offers, *more, "250 SIZE")
            elif verb in ("MAIL", "RSET"):
                recipients, chunks = [], bytearray()
                self._say("250 2.0.0 Ok")
            elif verb == "RCPT":
                self._recipient(line, recipients)
            elif verb == "DATA" and recipients:
                self._say("354 Go on")
                self._take(recipients, _dotted(lines))
                recipients = []
            elif verb == "BDAT":
                chunks += _exactly(lines, int(words[1]))
                if not recipients:
                    self._say("503 5.5.1 Nobody is there to take it")
                elif len(words) == 3:
                    self._take(recipients, bytes(chunks))
                    recipients, chunks = [], bytearray()
                else:
                    self._say("250 2.0.0 Ok")
            elif verb == "QUIT":
                self._say("221 2.0.0 Bye")
                return
            else:
                self._say("503 5.5.1 Not now")

    def _recipient(self, line: bytes, recipients: list[str]) -> None:
        counts = self.server.counts
        found = re.match(rb"RCPT TO:<(\S+)>", line)
        recipient = found[1].decode() if found else "?"
        kind = recipient.partition("-")[0]
        code = {"later": 451, "never": 554}.get(kind, 250)
        with counts.lock:
            if code == 451 and counts.refused[recipient, 451]:
                code = 250
            if code != 250:
                counts.refused[recipient, code] += 1
        if code == 250:
            recipients.append(recipient)
        self._say({250: "250 2.1.5 Ok", 451: "451 4.7.1 Later", 554: "554 5.7.1 Never"}[code])

    def _take(self, recipients: list[str], data: bytes) -> None:
        counts = self.server.counts
        found = IDENTITY.search(data)
        identity = found[1].decode() if found else "?"
        kinds = {one.partition("-")[0] for one in recipients}
        taken = Taken(time.monotonic())
        with counts.lock:
            if not data.endswith(b"The last line.\r\n"):
                counts.broken.append(f"{identity} came without its end")
            for recipient in recipients:
                counts.taken[identity, recipient].append(taken)
            taken.dropped = "drop" in kinds and identity not in counts.dropped
            if taken.dropped:
                counts.dropped.add(identity)
        if taken.dropped:
            raise EOFError
        if "slow" in kinds:
            time.sleep(LATE)
        self._say("250 2.0.0 Taken")
        taken.answered = time.monotonic()


def _dotted(lines: BinaryIO) -> bytes:
    """The content of DATA. Raises EOFError."""
    found = []
    while (line := lines.readline()) != b".\r\n":
        if not line.endswith(b"\r\n"):
            raise EOFError
        found.append(line[1:] if line.startswith(b".") else line)
    return b"".join(found)


def _exactly(lines: BinaryIO, size: int) -> bytes:
    data = lines.read(size)
    if len(data) < size:
        raise EOFError
    return data
