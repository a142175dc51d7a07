"""WildDuck's calls on a large mailbox, and a thousand listeners, beside Dovecot's IMAP.

`python -m bench.web --help`. Requests go one after the other over one connection; what another
client would cost is told by the processor that the server used for each. Rounds of both servers
take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import selectors
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.dovecot import PostfixDovecot
from bench.imap_load import IMAPSession
from bench.search import USER, fill
from bench.servers import Mailhub, Server

CEILINGS = {"list page": 5.0, "deep page": 5.0, "details": 5.0}
"""Milliseconds of mailhub's median."""
LEAST = 500.0
"""Requests a second that one processor has to manage of each of them."""
LIMIT = 5.0
"""Seconds that a listener is waited for; one that is told later counts so much."""
Figures = dict[str, dict[str, "Taken"]]


@dataclass
class Taken:
    """Seconds of each request, and what the server's processors worked for all of them."""

    seconds: list[float] = field(default_factory=list)
    processor: float = 0.0

    @property
    def per_core(self) -> float:
        """Requests a second, if one processor did nothing else."""
        return len(self.seconds) / self.processor if self.processor else 0.0


def processor(server: Server) -> float:
    """Seconds that the server's processes worked so far."""
    total = 0.0
    for pid in server.pids():
        for task in Path(f"/proc/{pid}/task").glob("*"):
            try:
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
            except OSError:
                continue
    return total


class Web:
    """A lean HTTP client: one connection, answers with a length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of a 200 answer."""
        head = f"{method} /wildduck{path} HTTP/1.1\r\nHost: localhost\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        data = self._socket.recv(1 << 20)
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(1 << 20)
        header, _, content = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", header)
        length = int(found[1]) if found else 0
        while len(content) < length:
            content += self._socket.recv(1 << 20)
        if b" 200 " not in header.split(b"\r\n")[0]:
            raise RuntimeError(f"{method} {path}: {header!r} {content[:300]!r}")
        return content

    def read(self, path: str) -> Any:
        """GET, for JSON."""
        return json.loads(self.ask("GET", path))


class Calls:
    """mailhub's calls on the mailbox."""

    def __init__(self, server: Mailhub, count: int) -> None:
        self.web = Web(server.http)
        self.user = self.web.read(f"/users?query={USER}")["results"][0]["id"]
        boxes = self.web.read(f"/users/{self.user}/mailboxes")["results"]
        self.inbox = next(box["id"] for box in boxes if box["path"] == "INBOX")
        self._base = f"/users/{self.user}/mailboxes/{self.inbox}/messages"
        self._chance = random.Random(1)
        self._count = count
        self._cursor = ""
        self._flag = False
        self._one = 1

    def page(self) -> None:
        """The newest 20."""
        self.web.ask("GET", self._base + "?limit=20")

    def deep(self) -> None:
        """20 of them, on and on."""
        listed = self.web.ask("GET", f"{self._base}?limit=20{self._cursor}")
        found = re.search(rb'"nextCursor":"([^"]+)"', listed)
        self._cursor = f"&next={found[1].decode()}" if found else ""

    def details(self) -> None:
        """Any one."""
        self.web.ask("GET", f"{self._base}/{self._chance.randint(1, self._count)}")

    def flag(self) -> None:
        """Any one is flagged, and then no more."""
        if not self._flag:
            self._one = self._chance.randint(1, self._count)
        self._flag = not self._flag
        body = b'{"flagged":true}' if self._flag else b'{"flagged":false}'
        self.web.ask("PUT", f"{self._base}/{self._one}", body)


class Commands:
    """The same over IMAP, with the mailbox selected."""

    def __init__(self, server: Server, count: int) -> None:
        self.session = IMAPSession(server.imap, f"{USER}@bench.test")
        self.session.command(b"SELECT INBOX")
        self._chance = random.Random(1)
        self._count = count
        self._at = count
        self._flag = False
        self._one = 1

    def page(self) -> None:
        """The newest 20."""
        self._list(self._count)

    def deep(self) -> None:
        """20 of them, on and on."""
        self._list(self._at)
        self._at = self._at - 20 if self._at > 40 else self._count

    def _list(self, last: int) -> None:
        items = b"(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
        self.session.command(b"FETCH %d:%d %s" % (last - 19, last, items))

    def details(self) -> None:
        """Any one."""
        uid = self._chance.randint(1, self._count)
        items = b"(FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"
        self.session.command(b"UID FETCH %d %s" % (uid, items))

    def flag(self) -> None:
        """Any one is flagged, and then no more."""
        if not self._flag:
            self._one = self._chance.randint(1, self._count)
        self._flag = not self._flag
        sign = b"+" if self._flag else b"-"
        self.session.command(b"UID STORE %d %sFLAGS (\\Flagged)" % (self._one, sign))


def fill_all(servers: list[Server], count: int) -> None:
    """The same messages to every server, to all of them at once: nothing is measured yet."""
    began = time.monotonic()
    fork = multiprocessing.get_context("fork")
    filling = [fork.Process(target=fill, args=(server, count)) for server in servers]
    for process in filling:
        process.start()
    for process in filling:
        process.join()
        if process.exitcode:
            raise RuntimeError("a server could not be filled")
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)


MEASURES = {"list page": "page", "deep page": "deep", "details": "details", "flags": "flag"}


def requests(servers: list[Server], options: argparse.Namespace) -> Figures:
    """Every measure, the servers in turn."""
    figures: Figures = {name: {} for name in MEASURES}
    clients = {
        server.name: (
            Calls(server, options.count)
            if isinstance(server, Mailhub)
            else Commands(server, options.count)
        )
        for server in servers
    }
    for _ in range(options.rounds):
        for name, method in MEASURES.items():
            for server in servers:
                ask: Callable[[], None] = getattr(clients[server.name], method)
                taken = figures[name].setdefault(server.name, Taken())
                for _ in range(10):
                    ask()
                before = processor(server)
                for _ in range(options.requests):
                    start = time.perf_counter()
                    ask()
                    taken.seconds.append(time.perf_counter() - start)
                taken.processor += processor(server) - before
    return figures


class Crowd:
    """Many connections of one user that wait for changes."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []

    def add(self, connection: socket.socket) -> None:
        """One more, that was told all so far."""
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)
        self.sockets.append(connection)

    def drain(self, seconds: float) -> None:
        """Takes what is still on its way."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in self._selector.select(0.1):
                self._read(key.fileobj)

    def _read(self, connection: Any) -> bytes:
        try:
            data: bytes = connection.recv(65536)
        except BlockingIOError:
            data = b""
        return data

    def told(self, mark: bytes, start: float) -> list[float]:
        """Seconds from `start` until each heard of `mark`, at most LIMIT: Dovecot without enough of
        the system's inotify watches looks every half minute."""
        heard: dict[Any, float] = {}
        while len(heard) < len(self.sockets) and time.perf_counter() < start + LIMIT:
            for key, _ in self._selector.select(1):
                if mark in self._read(key.fileobj):
                    heard.setdefault(key.fileobj, time.perf_counter() - start)
        return [*heard.values(), *[LIMIT] * (len(self.sockets) - len(heard))]

    def close(self) -> None:
        for connection in self.sockets:
            connection.close()


def streams(server: Mailhub, count: int) -> Crowd:
    """EventSource listeners."""
    user = Web(server.http).read(f"/users?query={USER}")["results"][0]["id"]
    crowd = Crowd()
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.http), timeout=60)
        path = f"/wildduck/users/{user}/updates"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while b": hello" not in connection.recv(4096):
            continue
        crowd.add(connection)
    return crowd


def idles(server: Server, count: int) -> Crowd:
    """IMAP sessions in IDLE."""
    crowd = Crowd()
    for _ in range(count):
        session = IMAPSession(server.imap, f"{USER}@bench.test")
        session.command(b"SELECT INBOX")
        session.shrink()
        session.send(b"I IDLE\r\n")
        session.until(b"+ ")
        crowd.add(session.sock)
    return crowd


def listeners(servers: list[Server], options: argparse.Namespace) -> Figures:
    """One flag changes, and all hear of it: at once by EventSource and by IDLE."""
    figures: Figures = {}
    for server in servers:
        kinds: dict[str, Callable[[], Crowd]] = {}
        if isinstance(server, Mailhub):
            kinds["listeners, by EventSource"] = partial(streams, server, options.listeners)
        kinds["listeners, by IDLE"] = partial(idles, server, options.listeners)
        for name, make in kinds.items():
            crowd = make()
            changer = Commands(server, options.count)
            taken = figures.setdefault(name, {}).setdefault(server.name, Taken())
            crowd.drain(2)
            for _ in range(2 * options.changes):  # flagged, and no more
                before = processor(server)
                start = time.perf_counter()
                changer.flag()
                taken.seconds += crowd.told(b"FETCH", start)
                taken.processor += processor(server) - before
                crowd.drain(0.3)
            crowd.close()
            changer.session.close()
            time.sleep(1)
    return figures


def report(figures: Figures, names: list[str]) -> Iterator[str]:
    """A line a figure and server: median, 99th percentile, and what a processor manages."""
    for figure, by_server in figures.items():
        for name in names:
            if name not in by_server:
                continue
            taken = by_server[name]
            ordered = sorted(taken.seconds)
            median = statistics.median(ordered) * 1000
            late = ordered[int(len(ordered) * 0.99)] * 1000
            line = f"{figure:26} {name:16} p50 {median:8.2f} ms  p99 {late:8.2f} ms"
            line += f"  {taken.per_core:8.0f} a second and core"
            if name == "mailhub" and figure in CEILINGS:
                good = median < CEILINGS[figure] and taken.per_core >= LEAST
                line += "  ok" if good else "  MISSED"
            yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="messages of the mailbox")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=300, help="of each kind and round")
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=5, help="that all of them hear of")
    parser.add_argument("--alone", action="store_true", help="mailhub without the peer")
    parser.add_argument("--folder", type=Path, help="where the servers keep their mail")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mailhub-bench-"))
    folder.chmod(0o755)
    servers: list[Server] = [Mailhub(folder / "mailhub")]
    if not options.alone:
        servers.append(PostfixDovecot(folder / "peer", "mdbox"))
    started: list[Server] = []
    figures: Figures = {}
    try:
        for server in servers:
            started.append(server)
            server.start([USER])
        fill_all(servers, options.count)
        figures |= requests(servers, options)
        figures |= listeners(servers, options)
    finally:
        for server in started:
            server.stop()
        for line in report(figures, [server.name for server in servers]):
            print(line)


if __name__ == "__main__":
    main()
