"""Searching one mailbox of many messages: mailhub's index against Dovecot's scanning, in turn.

`python -m bench.search --help`. Dovecot runs as Debian ships it, without a full-text plug-in, and
each of its searches is measured twice: the second time its caches are warm. mailhub's index is
waited for; how long it took is printed, and how much of a message's size it is.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.dovecot import PostfixDovecot
from bench.imap_load import IMAPSession
from bench.servers import Mailhub, Server
from tests.postgresserver import PostgresServer

USER = "searcher"
RARE = "xylophonequartz"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789+/"
BATCH = 100
"""Messages of one APPEND."""
SEARCHES = {
    "TEXT, a rare word": f"TEXT {RARE}",
    "TEXT, a part of it": f"TEXT {RARE[3:12]}",
    "BODY, a word of some": "BODY {some}",
    "BODY, a word of most": "BODY {most}",
    "TEXT, nowhere": "TEXT nosuchwordatall",
    "FROM": "FROM sender77@",
    "SUBJECT": f"SUBJECT {RARE}",
}
QUERIES = {
    "HTTP, a rare word": f"query={RARE}",
    "HTTP, two words": "query={some}%20{other}",
    "HTTP, a word of some": "query={some}",
    "HTTP, a word of most": "query={most}",
    "HTTP, a phrase": "q=%22{some}%20{most}%22",
    "HTTP, from a sender": "from=sender77%40",
    "HTTP, unseen and large": "q=is%3Aunread%20minsize%3A5k",
}


class Writer:
    """Makes messages of words as frequent as words are: the n-th as often as 1/n."""

    def __init__(self, seed: int = 5) -> None:
        self._random = random.Random(seed)
        syllables = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "en", "i", "or", "us", "el")]
        words: dict[str, None] = {}
        while len(words) < 60_000:
            count = self._random.choice((2, 2, 3, 3, 4))
            words["".join(self._random.choices(syllables, k=count))] = None
        self.words = list(words)
        weights = (1 / (place + 3) for place in range(len(self.words)))
        self._sums = list(itertools.accumulate(weights))

    @property
    def chosen(self) -> dict[str, str]:
        """Words by how many messages have them."""
        return {"most": self.words[3], "some": self.words[1500], "other": self.words[900]}

    def message(self, number: int) -> bytes:
        """About 2.5 KB, with the header of mail that came over the Internet."""
        chance = self._random
        words = chance.choices(self.words, cum_weights=self._sums, k=chance.randint(40, 400))
        subject = " ".join(words[:5])
        if number % 20_000 == 77:
            words.insert(len(words) // 2, RARE)
            subject += " " + RARE
        lines = [" ".join(words[at : at + 11]) for at in range(0, len(words), 11)]
        signature = "".join(chance.choices(LETTERS, k=344))
        ending = "Sat, 21 Nov 2026 10:00:00 +0000"
        header = (
            f"Received: from mx{number % 50}.example.org ([192.0.2.{number % 250}])\r\n"
            f"\tby hub.bench.test with ESMTPS id {signature[:14]}; {ending}\r\n"
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one;\r\n"
            f"\tbh={signature[20:63]}=;\r\n\tb={signature[:72]}\r\n\t {signature[72:144]}\r\n"
            f"\t {signature[144:216]}\r\n\t {signature[216:288]}\r\n\t {signature[288:342]}==\r\n"
            f"From: Sender {number % 500} <sender{number % 500}@example{number % 80}.org>\r\n"
            f"To: Searcher <{USER}@bench.test>\r\nSubject: {subject}\r\n"
            f"Date: {ending}\r\nMessage-ID: <{signature[:20]}@example.org>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        )
        return (header + "\r\n".join(lines) + "\r\n").encode()


def fill(server: Server, count: int) -> int:
    """Appends `count` messages, the same to every server (RFC 3502); their bytes."""
    writer, size = Writer(), 0
    session = IMAPSession(server.imap, f"{USER}@bench.test")
    for start in range(0, count, BATCH):
        pieces = [writer.message(number) for number in range(start, min(start + BATCH, count))]
        literals = b" ".join(b"{%d+}\r\n%s" % (len(one), one) for one in pieces)
        session.command(b"APPEND INBOX " + literals)
        size += sum(map(len, pieces))
    session.close()
    return size


def indexed(server: Mailhub, mail: int, since: float) -> None:
    """Waits until mailhub's index has every message, and tells of it. `mail`: bytes of them."""
    tool = Path(sys.executable).with_name("mailhub")
    while True:
        done = subprocess.run(
            [tool, "--config", server.config, "index", "status", "--json"],
            check=True,
            capture_output=True,
        )
        status = json.loads(done.stdout)
        if not status["waiting"]:
            break
        time.sleep(1)
    print(
        f"index: {status['documents']} messages, {time.monotonic() - since:.0f} s after the first,"
        f" {status['size'] / mail:.2f} bytes for each of the mail"
    )


Figures = dict[str, dict[str, list[float]]]


def over_imap(server: Server, words: dict[str, str], rounds: int, figures: Figures) -> None:
    """Every SEARCH, `rounds` times."""
    session = IMAPSession(server.imap, f"{USER}@bench.test")
    session.command(b"SELECT INBOX")
    for name, command in SEARCHES.items():
        for _ in range(rounds):
            taken, _ = session.command(b"SEARCH " + command.format(**words).encode())
            figures.setdefault(name, {}).setdefault(server.name, []).append(taken * 1000)
    session.close()


def over_http(server: Mailhub, words: dict[str, str], count: int, figures: Figures) -> None:
    """The first page of each search, `count` times over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=60)
    ask = asker(connection)
    user = ask("/wildduck/users?query=" + USER)["results"][0]["id"]
    for name, query in QUERIES.items():
        path = f"/wildduck/users/{user}/search?{query.format(**words)}"
        for _ in range(count):
            start = time.perf_counter()
            found = ask(path)
            taken = time.perf_counter() - start
            figures.setdefault(name, {}).setdefault(server.name, []).append(taken * 1000)
        print(f"{name:28} {found['total']:8} found")
    connection.close()


def asker(connection: http.client.HTTPConnection) -> Callable[[str], Any]:
    """GET, for JSON."""

    def ask(path: str) -> Any:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    return ask


def report(figures: Figures, names: list[str]) -> Iterator[str]:
    """A line a figure: each server's first, median and 99th percentile in milliseconds."""
    for figure, by_server in figures.items():
        shown = [f"{figure:28}"]
        for name in names:
            values = by_server.get(name)
            if values:
                last = sorted(values)[int(len(values) * 0.99)]
                median = statistics.median(values)
                shown.append(f"{name}: first {values[0]:9.2f}  p50 {median:9.2f}  p99 {last:9.2f}")
        yield "  ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="messages")
    parser.add_argument("--rounds", type=int, default=3, help="of each IMAP search")
    parser.add_argument("--requests", type=int, default=200, help="of each HTTP search")
    parser.add_argument("--alone", action="store_true", help="mailhub without the peer")
    parser.add_argument(
        "--postgres", action="store_true", help="mailhub on PostgreSQL, one of the bench's own"
    )
    parser.add_argument("--folder", type=Path, help="where the servers keep their mail")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mailhub-bench-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    ours = Mailhub(folder / "mailhub")
    servers: list[Server] = [ours]
    if not options.alone:
        servers.append(PostfixDovecot(folder / "peer", "mdbox"))
    words = Writer().chosen
    figures: Figures = {}
    started: list[Server] = []
    database = PostgresServer() if options.postgres else None
    try:
        if database is not None:
            database.start()
            ours.more = f'\n[store]\ndatabase = "{database.url(database.database())}"\n'
        for server in servers:
            started.append(server)
            server.start([USER])
            began = time.monotonic()
            mail = fill(server, options.count)
            print(f"{server.name}: filled in {time.monotonic() - began:.0f} s")
            if isinstance(server, Mailhub):
                over_imap(server, words, 1, figures)
                figures = {f"{name}, not indexed": found for name, found in figures.items()}
                indexed(server, mail, began)
        for server in servers:
            over_imap(server, words, options.rounds, figures)
        over_http(ours, words, options.requests, figures)
    finally:
        for server in started:
            server.stop()
        if database is not None:
            database.close()
    for line in report(figures, [server.name for server in servers]):
        print(line)


if __name__ == "__main__":
    main()
