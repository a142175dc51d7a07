"""What a long queue costs mailhub: the start with it, a page of it, and memory while it waits and
while all of it is tried against destinations that are away.

`python -m bench.backlog --help`; `bench.run --only backlog` judges its figures.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

from bench.measures import Figure
from bench.relay import DOMAINS, NOWHERE, SENDER, Bodies, Mailhub, Sink, address, domain
from bench.servers import resident
from bench.smtp_load import Delivery

RECIPIENTS = 20
"""Of each message."""
SETTINGS = """
[queue]
retry = [36000]
backoff = 1
backoff_most = 1
"""
LIVE = "live.example.net"
PAGE = 100
WAITING = 5.0
TRYING = 20.0
"""Seconds for which memory is watched."""

CEILINGS = {
    "start, 100000 queued": 5.0,
    "start to first delivery, 100000 queued": 5.0,
    "page of the queue, 100000 queued": 200.0,
    "memory, 100000 wait": 200.0,
    "memory, 100000 are tried": 200.0,
}

Figures = dict[str, dict[str, list[float]]]


def flood(port: int, count: int) -> None:
    """Puts `count` recipients into the queue, RECIPIENTS a message, in turn from all domains."""
    bodies = Bodies().make(count // RECIPIENTS, 2_000)
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as lines:
        _answers(lines, 1)
        sock.sendall(b"EHLO bench.example\r\n")
        _answers(lines, 1)
        for number, body in enumerate(bodies):
            names = [
                f"RCPT TO:<r{number}-{one}@{domain((number + one) % DOMAINS)}>\r\n"
                for one in range(RECIPIENTS)
            ]
            sock.sendall(f"MAIL FROM:<{SENDER}>\r\n{''.join(names)}DATA\r\n".encode())
            _answers(lines, RECIPIENTS + 2)
            sock.sendall(body + b".\r\n")
            _answers(lines, 1)


def _answers(lines: BinaryIO, count: int) -> None:
    """Reads so many replies, none of them a refusal."""
    while count:
        line = lines.readline()
        if line[:1] not in (b"2", b"3"):
            raise RuntimeError(f"refused: {line!r}")
        count -= line[3:4] != b"-"


def peak(pid: int, seconds: float) -> float:
    """The most proportional memory within so many seconds, MiB."""
    most = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        most = max(most, resident([pid]))
        time.sleep(0.2)
    return most / 2**20


def measure(folder: Path, count: int) -> list[Figure]:
    """Every figure of one mailhub with `count` queued recipients."""
    sink = Sink()
    server = Mailhub(folder / "mailhub-backlog", more=SETTINGS)
    label = f"{count} queued"
    try:
        routes = [(domain(number), address(number), NOWHERE) for number in range(DOMAINS)]
        server.create([*routes, (LIVE, "127.0.0.1", sink.port)])
        flood(server.smtp, count)
        server.stop()
        started = time.monotonic()
        ready = server.launch()
        Delivery(server.smtp, 1, [f"someone@{LIVE}"], Bodies().make(1, 2_000), sender=SENDER).run()
        sink.expect(1, 60)
        delivering = time.monotonic() - started
        waiting = peak(server.pid, WAITING)
        access = server.access()
        began = time.monotonic()
        access.ask("queue-list", after=0, limit=PAGE)
        page = time.monotonic() - began
        access.ask("queue-retry", all=True)
        tried = peak(server.pid, TRYING)
    finally:
        server.stop()
        sink.stop()
    return [
        Figure(f"start, {label}", ready, "s"),
        Figure(f"start to first delivery, {label}", delivering, "s"),
        Figure(f"page of the queue, {label}", page * 1000, "ms"),
        Figure(f"memory, {count} wait", waiting, "MiB"),
        Figure(f"memory, {count} are tried", tried, "MiB"),
    ]


def figures(folder: Path, count: int) -> tuple[Figures, dict[str, str]]:
    """As `bench.run` takes them: values by name and server, and units."""
    found: Figures = defaultdict(lambda: defaultdict(list))
    units = {}
    for one in measure(folder, count):
        found[one.name]["mailhub"].append(one.value)
        units[one.name] = one.unit
    return found, units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="queued recipients")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-backlog-"))
    try:
        for one in measure(folder, options.count):
            print(f"{one.name:45} {one.value:10.2f} {one.unit}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
