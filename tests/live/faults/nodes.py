"""Several servers on one database, one Redis and one bucket, each behind gates of its own."""

from __future__ import annotations

import imaplib
import json
import shutil
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.live.clocks import WallClock
from tests.live.crash.counting import Sink
from tests.live.faults.gate import Way
from tests.live.server import Server
from tests.live.swift import SECRET, USER, Swift
from tests.postgrespair import PostgresPair, address
from tests.postgresserver import PostgresServer
from tests.redispair import RedisPair
from tests.redisserver import RedisServer

DOMAIN = "crash.test"
PASSWORD = "crash-Passw0rd-1"
LEASE = 2
"""Seconds: what a dead node was trying is tried again after them."""
BUCKET = "faults"
PROBE = "probe"
"""The account by which it is seen whether a node works."""
PROMPT = 10.0
"""Seconds in which a node answers that works, however busy the machine is."""
PATIENCE = 60.0
"""Seconds that a node has to work again."""
SECTIONS = """
[smtp]
plaintext_auth = true
trusted_networks = ["127.0.0.0/8"]
messages = 1000000

[imap]
plaintext_auth = true

[queue]
retry = [1]
jitter = 0
lease = {lease}
backoff = 1
backoff_most = 1
suppress = []

[dkim]
keys = false

[search]
index = false

[store]
database = "{database}"

[redis]
url = "redis://{redis}"
sentinels = {sentinels}
sentinel_password = "watch"
timeout = 1
quiet = {lease}
{more}
"""
S3 = """
[s3]
endpoint = "http://127.0.0.1:{port}"
bucket = "{bucket}"
access_key = "{key}"
secret_key = "{secret}"
inline = 4096
patience = 10
timeout = 5
"""


@dataclass(frozen=True)
class Kind:
    """What nodes stand on. s3: larger bodies are in a bucket. pairs: PostgreSQL has a standby that
    has all that is committed, and Redis a replica and Sentinels. clocks: each node has a wall clock
    that can be set."""

    s3: bool = False
    pairs: bool = False
    clocks: bool = False


ALONE = Kind()


@dataclass
class Node:
    """One of them. `gates`: to what it stands on, by name; Redis has none that Sentinels know."""

    server: Server
    gates: dict[str, Way]
    clock: WallClock | None = None

    def start(self) -> None:
        self.server.start(self.clock.environment() if self.clock is not None else None)

    def works(self) -> bool:
        """Whether it takes a message and shows a mailbox."""
        try:
            with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=PROMPT) as smtp:
                smtp.sendmail("a@example.org", [f"{PROBE}@{DOMAIN}"], "Subject: probe\r\n\r\n")
            with imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=PROMPT) as imap:
                imap.login(f"{PROBE}@{DOMAIN}", PASSWORD)
                return imap.select("INBOX")[0] == "OK"
        except (OSError, smtplib.SMTPException, imaplib.IMAP4.error):
            return False


class Nodes:
    """`count` nodes, and all that they need, until `end`."""

    def __init__(
        self, folder: Path, count: int, accounts: Sequence[str], kind: Kind = ALONE
    ) -> None:
        self._ends = ExitStack()
        self.kind = kind
        self.postgres = PostgresPair() if kind.pairs else PostgresServer()
        self._ends.callback(self.postgres.close)
        self.redis = RedisPair(folder / "sentinels") if kind.pairs else RedisServer()
        self._ends.callback(self.redis.close)
        self.sink = Sink()
        self._ends.callback(self.sink.stop)
        self.swift: Swift | None = None
        if kind.s3:
            self.swift = self._ends.enter_context(Swift(folder / "swift"))
            self.swift.make(BUCKET)
        self._accounts = accounts
        self._folder = folder
        self.all: list[Node] = []
        self._count = count
        self._journal = 0

    def begin(self) -> None:
        self.redis.start()
        self.postgres.start()
        self._database = self.postgres.database()
        for number in range(self._count):
            self.all.append(self._node(number))
            self.all[-1].start()
        first = self.all[0].server
        first.add_domain(DOMAIN)
        for account in (*self._accounts, PROBE):
            first.add_user(f"{account}@{DOMAIN}", PASSWORD)
        where = ("--host", "127.0.0.1", "--port", str(self.sink.port), "--tls", "none")
        first.command("routes", "add", "*", *where)

    def _node(self, number: int) -> Node:
        gates = {"database": Way(self._ports)}
        more = ""
        if isinstance(self.redis, RedisPair):
            redis, sentinels = "mail", json.dumps(self.redis.sentinels)
        else:
            gates["redis"] = Way([self.redis.port])
            redis, sentinels = f"127.0.0.1:{gates['redis'].ports[0]}", "[]"
        if self.swift is not None:
            gates["bucket"] = Way([self.swift.port])
            [port] = gates["bucket"].ports
            more = S3.format(port=port, bucket=BUCKET, key=USER, secret=SECRET)
        for gate in gates.values():
            self._ends.callback(gate.close)
        sections = SECTIONS.format(
            lease=LEASE,
            database=address(gates["database"].ports, self._database),
            redis=redis,
            sentinels=sentinels,
            more=more,
        )
        folder = self._folder / f"node{number}"
        server = Server(folder, sections)
        self._ends.callback(server.kill)
        clock = None
        if self.kind.clocks:
            folder.mkdir(parents=True)
            clock = WallClock(folder / "faketime")
            clock.set(0)
        return Node(server, gates, clock)

    @property
    def _ports(self) -> Sequence[int]:
        one = self.postgres
        return one.ports if isinstance(one, PostgresPair) else [one.port]

    def mend(self) -> None:
        """What a fault took for good is replaced."""
        for one in (self.postgres, self.redis):
            if isinstance(one, PostgresPair | RedisPair):
                one.mend()

    def end(self) -> None:
        for server in self.postgres.servers:
            if (log := server.folder / "log").exists():
                shutil.copy(log, self._folder / f"postgres-{server.port}.log")
        self._ends.close()

    def recovered(self) -> list[float]:
        """Seconds until each node works again. Raises AssertionError with its log's end."""
        began = time.monotonic()
        found: dict[int, float] = {}
        while len(found) < len(self.all):
            for number, node in enumerate(self.all):
                if number not in found and node.works():
                    found[number] = time.monotonic() - began
            assert time.monotonic() < began + PATIENCE, self._why(found)
            if len(found) < len(self.all):
                time.sleep(0.02)
        return list(found.values())

    def _why(self, found: dict[int, float]) -> str:
        logs = [
            node.server.log.read_text(errors="replace")[-3000:]
            for number, node in enumerate(self.all)
            if number not in found
        ]
        return f"{len(logs)} nodes do not work again\n" + "\n".join(logs)

    # -- what the database says

    def _ask(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.postgres.url(self._database), autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    def waiting(self) -> int:
        """Recipients in the queue."""
        return int(str(self._ask("SELECT count(*) FROM queue_entry")[0][0]))

    def recorded(self) -> Counter[str]:
        """Deliveries by recipient, of the journal's rows since the last call."""
        last = self._ask("SELECT max(number) FROM journal")[0][0]
        rows = self._ask(
            "SELECT detail::json ->> 'recipient' FROM journal WHERE kind = 'delivered'"
            f" AND number > {self._journal} AND number <= {last}"
        )
        self._journal = int(str(last))
        return Counter(str(recipient) for (recipient,) in rows)

    def verify(self) -> str:
        """What `mailhub verify` finds wrong; empty when all is well."""
        return self.all[0].server.verify()

    def terminate(self) -> None:
        """Ends every connection of the database, but for this one."""
        self._ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def until(done: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it comes true in that time."""
    ends = time.monotonic() + seconds
    while not done():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True
