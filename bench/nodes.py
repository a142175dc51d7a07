"""mailhub on SQLite, on PostgreSQL with one process and with two, and Postfix + Dovecot, in turns.

`python -m bench.nodes --help`. What is delivered and read a second, and what a delivered message
costs the database: statements (each is a round trip), bytes of its log, and CPU of everybody. Needs
Debian's postfix, dovecot, postgresql and redis packages, and root for the peer's daemons.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg

from bench.dovecot import PostfixDovecot
from bench.imap_load import IMAP, IMAPSession
from bench.measures import DOMAIN, Numbers
from bench.servers import Mailhub, Server
from bench.smtp_load import deliver
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

SIZE = 10_000
PLAN = ((10, 2000), (50, 3000))
"""Sessions, and messages over them."""
READERS = 8
TICKS = os.sysconf("SC_CLK_TCK")


class Nodes(Server):
    """`count` processes of mailhub that share ports, one PostgreSQL and one Redis."""

    def __init__(self, folder: Path, count: int) -> None:
        self.name = f"postgres, {count} process{'es' if count > 1 else ''}"
        self.folder = folder
        self.database = PostgresServer(durable=True)
        self._redis = RedisServer()
        self._nodes = [Mailhub(folder / str(number)) for number in range(count)]
        first = self._nodes[0]
        self.smtp, self.imap, self.imaps, self.pop3 = (
            first.smtp,
            first.imap,
            first.imaps,
            first.pop3,
        )
        for node in self._nodes[1:]:
            for name in ("smtp", "imap", "imaps", "pop3", "http"):
                setattr(node, name, getattr(first, name))

    def start(self, users: list[str]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._redis.start()
        self.database.start()
        self.where = self.database.url(self.database.database())
        with psycopg.connect(self.where) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        more = (
            f'\n[store]\ndatabase = "{self.where}"\n'
            f'\n[redis]\nurl = "{self._redis.url}"\n\n[node]\nshare_ports = true\n'
        )
        first, *others = self._nodes
        first.start(users, more)
        for node in others:
            node.start([], more)

    def stop(self) -> None:
        for node in self._nodes:
            node.stop()
        self.database.close()
        self._redis.close()

    def pids(self) -> list[int]:
        own = [pid for node in self._nodes for pid in node.pids()]
        return own + children(self.database.pid)

    def counted(self) -> tuple[int, int]:
        """Statements so far, and bytes of the log."""
        with psycopg.connect(self.where) as connection:
            row = connection.execute(
                "SELECT (SELECT sum(calls) FROM pg_stat_statements),"
                " pg_current_wal_insert_lsn() - '0/0'"
            ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def children(pid: int) -> list[int]:
    """A process and those that it started. One that ends meanwhile has none."""
    found = [pid]
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                found += children(int(child))
    return found


def busy() -> float:
    """Seconds of processors that this machine has worked since it started."""
    user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) / TICKS


Row = dict[str, float]
"""Figures by name."""


def delivered(server: Server, users: Sequence[str], numbers: Numbers, plan: tuple[int, int]) -> Row:
    """Messages a second until all are in their mailboxes, and what each cost."""
    sessions, count = plan
    bodies = numbers.messages(count, SIZE)
    imap = IMAP(server.imap)
    try:
        before = server.counted() if isinstance(server, Nodes) else (0, 0)
        worked = busy()
        seconds = deliver(server.smtp, imap, list(users), sessions, bodies)
        worked = busy() - worked
        after = server.counted() if isinstance(server, Nodes) else (0, 0)
    finally:
        imap.close()
    found = {
        f"delivered, {sessions} sessions [messages/s]": count / seconds,
        f"processors, {sessions} sessions [us/message]": worked / count * 1e6,
    }
    if isinstance(server, Nodes):
        found[f"statements, {sessions} sessions [/message]"] = (after[0] - before[0]) / count
        found[f"log, {sessions} sessions [bytes/byte]"] = (after[1] - before[1]) / count / SIZE
    return found


def read(server: Server, users: Sequence[str]) -> Row:
    """Whole messages a second, by several sessions at once, each of a mailbox of its own."""

    def fetch(user: str) -> None:
        session = IMAPSession(server.imap, f"{user}@{DOMAIN}")
        try:
            session.command(b"SELECT INBOX")
            session.command(b"FETCH 1:* (UID FLAGS BODY.PEEK[])")
        finally:
            session.close()

    imap = IMAP(server.imap)
    count = sum(imap.count(user) for user in users)
    imap.close()
    with ThreadPoolExecutor(READERS) as pool:
        start = time.perf_counter()
        worked = busy()
        list(pool.map(fetch, users))
        seconds = time.perf_counter() - start
    return {
        "read, 8 sessions [messages/s]": count / seconds,
        "processors, read [us/message]": (busy() - worked) / count * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full counts")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-bench-"))
    folder.chmod(0o755)
    users = [f"u{number}" for number in range(10)]
    servers: list[Server] = [
        Mailhub(folder / "sqlite"),
        Nodes(folder / "one", 1),
        Nodes(folder / "two", 2),
        PostfixDovecot(folder / "peer"),
    ]
    servers[0].name = "sqlite"
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    started: list[Server] = []
    numbers = Numbers()
    try:
        for server in servers:
            started.append(server)
            server.start(users)
        for _ in range(options.rounds):
            for sessions, count in PLAN:
                for server in servers:
                    plan = (sessions, int(count * options.scale))
                    for name, value in delivered(server, users, numbers, plan).items():
                        figures[name][server.name].append(value)
            for server in servers:
                for name, value in read(server, users).items():
                    figures[name][server.name].append(value)
    finally:
        for server in started:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    names = [server.name for server in servers]
    print(f"{'':46}" + "".join(f"{name:>24}" for name in names))
    for name, by_server in figures.items():
        medians = [statistics.median(by_server[one]) if one in by_server else None for one in names]
        print(f"{name:46}" + "".join(f"{'' if m is None else f'{m:.2f}':>24}" for m in medians))


if __name__ == "__main__":
    main()
