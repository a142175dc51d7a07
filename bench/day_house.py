"""The server of a whole day with all that is around it: database, bucket, DNS, a place where mail
goes to; and looks at what it holds. Knows nothing of what is done to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from bench.day_people import FAR, HOSTS, Ports
from bench.day_samples import (
    Held,
    Sample,
    folder_sizes,
    look_into_postgres,
    look_into_sqlite,
)
from bench.nodes import children
from bench.relay import Sink
from bench.servers import CONFIG, PASSWORD, Mailhub
from mailhub.cli.client import connect
from mailhub.model.settings import S3Settings
from mailhub.store.s3.client import Client, Request
from tests.live.swift import SECRET, USER, Swift
from tests.loop import Loop
from tests.ports import free_port
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

HOUSEKEEPING = """
[archive]
keep = 60
sweep = 10

[tokens]
life = 120
longest = 600
browser_life = 120
browser_longest = 600

[dkim]
review = 60

[reports]
write = 5

[search]
review = 150

[policy]
exempt_networks = []

[resolver]
servers = ["127.0.0.1:{dns}"]
trust_ad = "never"

[checks]
mail = false
addresses = ""
domains = ""

[[listener]]
service = "submission"
endpoint = "tcp:{submission}:interface=127.0.0.1:backlog=1000"
tls = "starttls"

[node]
share_ports = {shared}

[store]
segment_size = {segment}
database = "{database}"
"""
"""What comes by the clock, as often in an hour as on a day. Segments are as many as on a day."""
REDIS = """
[redis]
url = "{url}"
"""
BUCKET = """
[s3]
endpoint = "http://127.0.0.1:{port}"
bucket = "{bucket}"
access_key = "{user}"
secret_key = "{secret}"
grace = 600
orphans = 3600
review = 600
"""
SEGMENT = 256 << 20
"""Octets, as they are by default."""
QUIET = ("debug", "info")


class Node(Mailhub):
    """Without exemptions: limits count, and everybody comes from an address of their own."""

    template = CONFIG.replace('exempt_networks = ["127.0.0.0/8"]', "")


class House:
    """`with House(…) as house`. `seconds`: what a day is compressed into."""

    def __init__(self, folder: Path, database: str, nodes: int, s3: bool, seconds: float) -> None:
        self.name = database + (f"-{nodes}" if nodes > 1 else "") + ("-s3" if s3 else "")
        self._folder = folder
        self._seconds = seconds
        self._database = database
        self._s3 = s3
        self._most = 0
        self._count = nodes
        self._nodes: list[Node] = []
        self._stack = ExitStack()
        self._postgres: PostgresServer | None = None
        self._redis: RedisServer | None = None
        self.where = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._sink = Sink()
            stack.callback(self._sink.stop)
            more = ""
            if self._database == "postgres":
                more = self._databases(stack)
            if self._s3:
                more += self._bucket(stack)
            names = self._names(stack)
            self._ports()
            settings = HOUSEKEEPING.format(
                dns=names,
                submission=self.ports.submission,
                shared=str(self._count > 1).lower(),
                segment=max(1 << 20, int(SEGMENT * self._seconds / 86_400)),
                database=self.where,
            )
            for node in self._nodes:
                stack.callback(node.stop)
                node.start([], settings + more)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _ports(self) -> None:
        """As late as can be: another program may take a free one at any time."""
        numbers = range(1, self._count + 1)
        self._nodes = [Node(self._folder / f"node{number}") for number in numbers]
        first = self._nodes[0]
        for node in self._nodes[1:]:
            for service in ("smtp", "imap", "imaps", "pop3", "http"):
                setattr(node, service, getattr(first, service))
        self.ports = Ports(first.smtp, free_port(), first.imap, first.imaps, first.pop3, first.http)

    # -- what is around it

    def _databases(self, stack: ExitStack) -> str:
        self._redis, self._postgres = RedisServer(), PostgresServer(durable=True)
        stack.callback(self._redis.close)
        stack.callback(self._postgres.close)
        self._redis.start()
        self._postgres.start()
        self.where = self._postgres.url(self._postgres.database())
        return REDIS.format(url=self._redis.url)

    def _bucket(self, stack: ExitStack) -> str:
        swift = stack.enter_context(Swift(self._folder / "swift"))
        settings = S3Settings(
            endpoint=f"http://127.0.0.1:{swift.port}",
            bucket="day",
            access_key=USER,
            secret_key=SECRET,
        )
        loop = Loop()
        client = Client(settings, loop.reactor, time.time)
        loop.wait(client.ask(Request("PUT")), 30)
        loop.wait(client.stop())
        loop.close()
        return BUCKET.format(port=swift.port, bucket="day", user=USER, secret=SECRET)

    def _names(self, stack: ExitStack) -> int:
        """A name server that knows who sends mail here; its port."""
        lines = []
        for host in range(HOSTS):
            lines += [
                f"h{host} IN A 127.{160 + host // 250}.{host % 250}.1",
                f"h{host} IN MX 10 h{host}",
                f'h{host} IN TXT "v=spf1 ip4:127.0.0.0/8 -all"',
                f'_dmarc.h{host} IN TXT "v=DMARC1; p=none; rua=mailto:d@h{host}.example.org"',
            ]
        head = (
            "$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
        )
        files = [self._folder / "example.org.zone", self._folder / "127.in-addr.arpa.zone"]
        files[0].write_text(head + "\n".join(lines) + "\n")
        files[1].write_text(head)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.dns", *files], stdout=subprocess.PIPE, text=True
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdout is not None
        return int(process.stdout.readline())

    def populate(self, addresses: Sequence[str]) -> None:
        """Makes accounts, an alias for each, and the ways out."""
        first = self._nodes[0]
        client = connect(first.folder / "var", first.config)
        for address in addresses:
            client.ask("user-add", name=address, address=address, password=PASSWORD)
            client.ask("alias-add", address=f"alias-{address}", targets=[address])
        for number in range(FAR):
            client.ask(
                "route-add",
                destination=f"d{number}.example.net",
                host="127.0.0.1",
                port=self._sink.port,
                tls="none",
            )
        client.close()

    # -- looking at it

    def sample(self, at: float) -> Sample:
        """What it holds now."""
        sample = Sample(at)
        for number, node in enumerate(self._nodes, 1):
            (pid,) = node.pids()
            sample.processes[f"node {number}"] = Held.by(pid)
            for place, held in enumerate(_held(children(pid)[1:]), 1):
                sample.processes[f"node {number}, process {place} beside"] = held
            for part, size in folder_sizes(node.folder / "var").items():
                sample.disk[part] = sample.disk.get(part, 0) + size
        if self._postgres is not None and self._redis is not None:
            look_into_postgres(self.where, sample)
            held_by = _held(children(self._postgres.pid))
            sample.others["PostgreSQL"] = sum(held.own for held in held_by)
            sample.others["Redis"] = Held.by(self._redis.pid).own
        else:
            look_into_sqlite(self._nodes[0].folder / "var" / "store" / "mail.sqlite", sample)
        if self._s3:
            objects = folder_sizes(self._folder / "swift" / "devices" / "d1" / "objects")
            sample.disk["objects"] = sum(objects.values())
        self._most = sample.most = max(self._most, sample.mail + sample.archived)
        return sample

    def complaints(self) -> list[str]:
        """What the logs say above what is ordinary; besides, a person is greeted there."""
        found = []
        for node in self._nodes:
            for line in (node.folder / "mailhub.log").read_text(errors="replace").splitlines():
                if line.startswith("{") and json.loads(line)["level"] not in QUIET:
                    found.append(line)
        return found


def _held(pids: Sequence[int]) -> Iterator[Held]:
    """Of those that have not ended meanwhile."""
    for pid in pids:
        with suppress(OSError, KeyError):
            yield Held.by(pid)
