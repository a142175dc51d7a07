"""Thousands of IMAP connections at once: most wait in IDLE, some work, mail keeps coming in.

`python -m bench.crowd --help`. Says whether anything failed, how long what took, and what memory,
descriptors and disk did meanwhile; exits with 1 if anything failed. With `--slow` there are also
clients that read a mailbox a byte a second, ones that never end what they began to say, and
newcomers that have to be greeted all the same.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import random
import resource
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bench.servers import PASSWORD, Mailhub, resident
from bench.slow import Doors, Slowness, slow
from bench.smtp_load import make_message
from mailhub.cli.client import connect
from tests.postgresserver import PostgresServer

SIZE = 10_000
WORK = (
    b"NOOP",
    b"STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
    b"UID FETCH *:* (UID FLAGS ENVELOPE)",
    b"UID FETCH *:* (UID BODY.PEEK[])",
    b"UID STORE *:* +FLAGS.SILENT (\\Seen)",
    b'UID SEARCH UNSEEN SUBJECT "Report"',
)
"""What active clients do, in turn."""
THINKING = 5.0
"""Seconds between two commands of one of them, on average."""
SENDERS = 10
PROBE = 0.5
"""Seconds between two deliveries whose news are timed."""
OPENING = 50
"""Connections that are being opened at a time."""
MUCH = 500
"""Messages of the mailbox that slow readers ask for."""
STILL = 30.0
"""Seconds without an answer that count as a failure."""


@dataclass
class Client:
    """One connection. `expects`: how the line begins that ends what is waited for."""

    sock: socket.socket
    user: str
    idles: bool
    state: str = "greeting"
    expects: bytes = b"* OK"
    since: float = 0.0
    tail: bytes = b""
    turns: int = 0
    probe: float = 0.0


@dataclass
class Crowd:
    """Every client of one process, on one selector. `took`: seconds by what they were spent on."""

    port: int
    smtp: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    due: list[tuple[float, int, Client]] = field(default_factory=list)
    ready: int = 0
    opening: int = 0
    by_user: dict[str, list[Client]] = field(default_factory=lambda: defaultdict(list))

    def open(self, user: str, number: int, *, idles: bool) -> None:
        """From one of many addresses, as a crowd comes."""
        source = f"127.{64 + number % 64}.{number // 64 % 256}.1"
        sock = socket.create_connection(("127.0.0.1", self.port), 30, (source, 0))
        sock.setblocking(False)
        client = Client(sock, user, idles, since=time.monotonic())
        self.by_user[user].append(client)
        self.selector.register(sock, selectors.EVENT_READ, client)
        self.opening += 1

    def turn(self, seconds: float) -> None:
        """What there is to read, and commands whose time has come."""
        for key, _ in self.selector.select(seconds):
            self._read(key.data)
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, _, client = heapq.heappop(self.due)
            self._work(client)

    def _say(self, client: Client, line: bytes, expects: bytes, state: str) -> None:
        client.state, client.expects, client.since = state, expects, time.monotonic()
        client.sock.send(line + b"\r\n")

    def _read(self, client: Client) -> None:
        try:
            data = client.sock.recv(1 << 18)
        except OSError as error:
            data = b""
            self.failed.append(f"{client.user} {client.state}: {error}")
        if not data:
            self.failed.append(f"{client.user} {client.state}: closed")
            self.selector.unregister(client.sock)
            return
        seen = client.tail + data
        client.tail = seen[-200:]
        if client.probe and b" EXISTS" in seen:
            self.took["news of IDLE"].append(time.monotonic() - client.probe)
            client.probe = 0.0
        if client.expects and (seen.startswith(client.expects) or b"\r\n" + client.expects in seen):
            client.tail = b""
            self._answered(client)

    def _answered(self, client: Client) -> None:
        self.took[client.state].append(time.monotonic() - client.since)
        match client.state:
            case "greeting":
                login = f'a LOGIN "{client.user}@bench.test" "{PASSWORD}"'.encode()
                self._say(client, login, b"a OK", "LOGIN")
            case "LOGIN":
                self._say(client, b"b SELECT INBOX", b"b OK", "SELECT")
            case "SELECT" if client.idles:
                self._say(client, b"c IDLE", b"+ ", "IDLE")
            case "IDLE":
                client.expects = b""
                self._arrived()
            case "SELECT":
                self._arrived()
                self._later(client)
            case _:
                client.expects = b""
                self._later(client)

    def _arrived(self) -> None:
        self.ready += 1
        self.opening -= 1

    def _later(self, client: Client) -> None:
        client.expects = b""
        due = time.monotonic() + random.expovariate(1 / THINKING)
        heapq.heappush(self.due, (due, id(client), client))

    def _work(self, client: Client) -> None:
        line = WORK[client.turns % len(WORK)]
        client.turns += 1
        tag = b"w%d" % client.turns
        what = (
            " ".join(line.decode().split()[:2])
            if line.startswith(b"UID")
            else line.split()[0].decode()
        )
        self._say(client, tag + b" " + line, tag + b" OK", what)

    def probe(self, number: int, channel: socket.socket) -> None:
        """One delivery, whose news to those who wait in IDLE are timed."""
        users = [
            user for user, clients in self.by_user.items() if any(one.idles for one in clients)
        ]
        user = random.choice(users)
        send(channel, user, 5_000_000 + number)
        now = time.monotonic()
        for client in self.by_user[user]:
            if client.idles and not client.probe:
                client.probe = now

    def unanswered(self) -> None:
        """Counts as failed what still waits."""
        now = time.monotonic()
        for clients in self.by_user.values():
            for client in clients:
                late = client.expects and now - client.since > STILL
                if late or (client.probe and now - client.probe > STILL):
                    self.failed.append(f"{client.user} {client.state}: no answer")


def send(channel: socket.socket, user: str, number: int) -> None:
    """One message over a session that is open. Raises RuntimeError when it is not taken."""
    body = make_message(number, SIZE).replace(b"\r\n.", b"\r\n..")
    lines = f"MAIL FROM:<s@example.org>\r\nRCPT TO:<{user}@bench.test>\r\nDATA\r\n".encode()
    channel.sendall(lines)
    heard = b""
    while heard.count(b"\r\n") < 3:
        heard += channel.recv(4096)
    channel.sendall(body + b"\r\n.\r\n")
    while heard.count(b"\r\n") < 4:
        heard += channel.recv(4096)
    if not heard.split(b"\r\n")[3].startswith(b"250"):
        raise RuntimeError(heard.decode("latin-1"))


def smtp_session(port: int) -> socket.socket:
    channel = socket.create_connection(("127.0.0.1", port), 60)
    heard = channel.recv(4096)
    channel.sendall(b"EHLO bench\r\n")
    heard = b""
    while b"\r\n250 " not in heard and not heard.startswith(b"250 "):
        heard += channel.recv(4096)
    return channel


def deliver(port: int, users: list[str], rate: float, first: int, end: Connection) -> None:
    """`rate` messages a second over one session, until a word comes; then says how it went."""
    channel = smtp_session(port)
    took: list[float] = []
    failed = ""
    start = time.monotonic()
    try:
        while not end.poll(max(0.0, start + len(took) / rate - time.monotonic())):
            begun = time.monotonic()
            send(channel, random.choice(users), first + len(took))
            took.append(time.monotonic() - begun)
    except (OSError, RuntimeError, IndexError) as error:
        failed = str(error)
    end.send((took, failed))


def fill(port: int, user: str) -> None:
    """Much to read, for those who read slowly."""
    channel = smtp_session(port)
    for number in range(MUCH):
        send(channel, user, 9_000_000 + number)
    channel.close()


@dataclass(frozen=True)
class State:
    """Of the server: bytes of memory, descriptors, bytes in its folder."""

    memory: int
    descriptors: int
    disk: int

    @classmethod
    def of(cls, server: Mailhub) -> State:
        (pid,) = server.pids()
        files = list(Path(f"/proc/{pid}/fd").iterdir())
        disk = sum(path.stat().st_size for path in server.folder.rglob("*") if path.is_file())
        return cls(resident([pid]), len(files), disk)

    def __str__(self) -> str:
        return (
            f"{self.memory / 2**20:7.0f} MiB {self.descriptors:6} descriptors"
            f" {self.disk / 2**20:7.0f} MiB on disk"
        )


def shown(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99, 0.999)]
    return f"{name:24}{len(ordered):9}" + "".join(
        f"{one:10.1f}" for one in (*at, ordered[-1] * 1000)
    )


def beginning(crowd: Crowd, plan: Iterator[Callable[[], None]], wanted: int) -> None:
    """Opens the connections, so many at a time."""
    while crowd.ready < wanted:
        while crowd.opening < OPENING:
            step = next(plan, None)
            if step is None:
                break
            step()
        crowd.turn(0.05)
        crowd.unanswered()
        if crowd.failed:
            raise RuntimeError(crowd.failed[:3])


def connections(
    crowd: Crowd, users: list[str], idle: int, active: int
) -> Iterator[Callable[[], None]]:
    for number in range(idle + active):
        user = users[number % len(users)]
        yield lambda user=user, number=number: crowd.open(user, number, idles=number < idle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--active", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=500, help="messages delivered a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--slow", action="store_true", help="slow readers and talkers besides")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    folder = Path(tempfile.mkdtemp(prefix="mailhub-crowd-"))
    server = Mailhub(folder / "mailhub")
    users = [f"u{number}" for number in range(options.users)]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        more = postgres(stack) if options.database == "postgres" else ""
        stack.callback(server.stop)
        server.start(users[:1], more)
        populate(server, users[1:])
        good = hold(server, users, options)
    raise SystemExit(0 if good else 1)


def postgres(stack: ExitStack) -> str:
    """Settings of a database of PostgreSQL, which is there until the end."""
    database = PostgresServer(durable=True)
    stack.callback(database.close)
    database.start()
    return f'\n[store]\ndatabase = "{database.url(database.database())}"\n'


def populate(server: Mailhub, users: list[str]) -> None:
    """The other accounts, over one connection."""
    client = connect(server.folder / "var", server.config)
    for user in users:
        name = f"{user}@bench.test"
        client.ask("user-add", name=name, address=name, password=PASSWORD)
    client.close()


def hold(server: Mailhub, users: list[str], options: argparse.Namespace) -> bool:
    """Whether nothing failed."""
    print(f"{'empty':24}{State.of(server)}", flush=True)
    crowd = Crowd(server.imap, server.smtp)
    beginning(
        crowd,
        connections(crowd, users, options.idle, options.active),
        options.idle + options.active,
    )
    print(f"{'all are there':24}{State.of(server)}", flush=True)
    ends = []
    for number in range(SENDERS):
        ours, theirs = multiprocessing.Pipe()
        share = (server.smtp, users, options.rate / SENDERS, number * 10_000_000, theirs)
        multiprocessing.Process(target=deliver, args=share, daemon=True).start()
        ends.append(ours)
    cut = None
    if options.slow:
        cut, theirs = multiprocessing.Pipe()
        fill(server.smtp, users[0])
        print(f"{'before the slow ones':24}{State.of(server)}", flush=True)
        names = ("imap", "smtp", "pop3", "http")
        doors = Doors({name: getattr(server, name) for name in names}, users)
        multiprocessing.Process(target=slow, args=(doors, theirs), daemon=True).start()
    start = time.monotonic()
    channel = smtp_session(server.smtp)
    probes = told = 0
    while (now := time.monotonic()) < start + options.seconds:
        crowd.turn(0.01)
        if now >= start + probes * PROBE:
            crowd.probe(probes, channel)
            probes += 1
        if now >= start + (told + 1) * max(30.0, options.seconds / 20):
            told += 1
            print(f"{f'after {now - start:.0f} s':24}{State.of(server)}", flush=True)
    crowd.unanswered()
    sent: list[float] = []
    for end in ends:
        end.send("enough")
        took, failed = end.recv()
        sent += took
        crowd.failed += [failed] if failed else []
    print(f"{'at the end':24}{State.of(server)}")
    if cut is not None:
        cut.send("enough")
        slowness: Slowness = cut.recv()
        print("\n".join(slowness.told()))
        crowd.failed += slowness.faults()
    print(f"delivered: {len(sent) / options.seconds:.0f} a second")
    print(f"{'':24}{'count':>9}{'p50 ms':>10}{'p99 ms':>10}{'p99.9 ms':>10}{'max ms':>10}")
    for name, values in {**crowd.took, "delivery": sent}.items():
        print(shown(name, values))
    print(f"failures: {json.dumps(crowd.failed[:10])} ({len(crowd.failed)})")
    return not crowd.failed


if __name__ == "__main__":
    main()
