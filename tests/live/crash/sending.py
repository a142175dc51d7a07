"""The crash loop of sending: submitted mail leaves while everything around the queue dies.

`python -m tests.live.crash.sending --cycles 1000`; `make crash N=1000` runs it too. A third of the
cycles has no Redis, a third one that forgets with its process, a third one that keeps a file. In
each, after a moment of load, one thing goes wrong: the server is killed, or redis-server, or both,
or Redis is flushed or hangs. Every few cycles the load pauses, the queue runs empty, and
`departures` judges. Prints a line each time and a table at the end; exit status 1 when anything was
lost, doubled without a cause or inconsistent.
"""

from __future__ import annotations

import argparse
import imaplib
import random
import re
import smtplib
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.crash.counting import Key, Sink
from tests.live.crash.departures import Kill, Promise, judge
from tests.live.server import Server
from tests.redisserver import RedisServer

DOMAIN = "crash.test"
PASSWORD = "crash-Passw0rd-1"
USERS = ("w0", "w1", "w2")
DESTINATIONS = 5
KINDS = ("ok", "ok", "ok", "ok", "ok", "later", "never", "drop", "slow")
EVERY = 20
"""Cycles between two judgements."""
PATIENCE = 60.0
"""Seconds that the queue has to run empty."""
LEASE = 2
"""Seconds: what a dead server was trying is tried again after them."""
CROWD = 600
"""Recipients under way past which no more are given to the server."""
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
"""
REDIS = """
[redis]
url = "{url}"
timeout = 1
quiet = {lease}
"""
RUNS: dict[str, Sequence[str] | None] = {
    "alone": None,
    "redis": (),
    "redis with a file": ("--appendonly", "yes", "--appendfsync", "everysec"),
}
"""Options of redis-server; None: there is none."""
BROKEN = (OSError, smtplib.SMTPServerDisconnected)


@dataclass
class Tally:
    """What a run of cycles saw."""

    name: str
    cycles: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    unanswered: int = 0
    delivered: int = 0
    refused: int = 0
    deferred: int = 0
    dropped: int = 0
    unheard: int = 0
    unrecorded: int = 0
    gap: float = 0.0
    slowest_restart: float = 0.0
    slowest_drain: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.name}: {self.cycles} cycles, {self.accepted} accepted, "
            f"{self.delivered} delivered, {len(self.problems)} violations"
        )


class Submitter(threading.Thread):
    """Gives the server one message after the other until it is told to stop or is cut off."""

    def __init__(self, life: Life, user: str, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._life = life
        self._user = user
        self._random = random.Random(seed)
        self._identity = f"{user}x{seed:x}"
        self._stop_event = stop
        self.promises: list[Promise] = []

    def run(self) -> None:
        with suppress(*BROKEN), self._connected() as smtp:
            while not self._stop_event.is_set():
                self._one(smtp)

    def _connected(self) -> smtplib.SMTP:
        """A user who logs in, or a trusted client: whom it is sent for is the same."""
        server = self._life.server
        if self._user == USERS[0]:
            smtp = smtplib.SMTP("127.0.0.1", server.port("submission", "starttls"), timeout=20)
            smtp.login(f"{self._user}@{DOMAIN}", PASSWORD)
            return smtp
        return smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=20)

    def _one(self, smtp: smtplib.SMTP) -> None:
        identity = f"{self._identity}x{len(self.promises)}"
        sender = f"{self._user}@{DOMAIN}"
        kinds = self._random.choices(KINDS, k=self._random.choice((1, 1, 1, 2, 3, 5)))
        recipients = [
            f"{kind}-{identity}-{number}@d{self._random.randrange(DESTINATIONS)}.example.net"
            for number, kind in enumerate(kinds)
        ]
        promise = Promise(identity, sender, recipients)
        # Written down before it is sent: without an answer it may be there, or not.
        self.promises.append(promise)
        size = self._random.choice((100, 2_000, 2_000, 20_000, 300_000))
        try:
            smtp.sendmail(sender, recipients, message(identity, sender, size))
        except smtplib.SMTPResponseException:
            time.sleep(0.05)
        else:
            promise.accepted = True


def message(identity: str, sender: str, size: int) -> bytes:
    """A message that carries its id."""
    text = (identity.encode() + b" lorem ipsum\r\n.dolor sit amet\r\n") * (size // 60 + 1)
    head = f"From: {sender}\r\nTo: someone@example.net\r\nSubject: {identity}\r\n"
    return f"{head}X-Crash-Id: {identity}\r\n\r\n".encode() + text + b"The last line.\r\n"


class Life:
    """One server's life, with its Redis and the far side, through many deaths."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        options = RUNS[name]
        self.redis = RedisServer(*options) if options is not None else None
        sections = SECTIONS.format(lease=LEASE)
        if self.redis is not None:
            sections += REDIS.format(url=self.redis.url, lease=LEASE)
        self.server = Server(folder / "hub", sections)
        self.sink = Sink()
        self.random = random.Random(seed)
        self.tally = Tally(name)
        self._promises: list[Promise] = []
        self._kills: list[Kill] = []
        self._told: Counter[Key] = Counter()
        self._journal = 0

    def prepare(self) -> None:
        """First start: the domain, the accounts, and the way to the far side."""
        if self.redis is not None:
            self.redis.start()
        self.server.start()
        self.server.add_domain(DOMAIN)
        for user in USERS:
            self.server.add_user(f"{user}@{DOMAIN}", PASSWORD)
        where = ("--host", "127.0.0.1", "--port", str(self.sink.port), "--tls", "none")
        self.server.command("routes", "add", "*", *where)

    def end(self) -> None:
        self.server.kill()
        if self.redis is not None:
            self.redis.close()
        self.sink.stop()

    # -- one cycle

    def cycle(self) -> None:
        """Load, a fault amid it, and everything up again."""
        stop = threading.Event()
        submitters = [Submitter(self, user, self.random.randrange(1 << 40), stop) for user in USERS]
        for one in submitters:
            one.start()
        time.sleep(self.random.uniform(0.1, 0.7))
        name, fault = self._fault()
        self.tally.faults[name] += 1
        if self._waiting() > CROWD:
            stop.set()
        fault()
        stop.set()
        for one in submitters:
            one.join(30)
            self._promises += one.promises
        self.tally.cycles += 1

    def _fault(self) -> tuple[str, Callable[[], None]]:
        faults: dict[str, Callable[[], None]] = {"server killed": self._kill}
        if self.redis is not None:
            faults |= {
                "redis killed": self._kill_redis,
                "redis flushed": self._flush,
                "redis hung": self._hang,
                "both killed": self._kill_both,
                "flushed, server killed": self._flush_and_kill,
            }
        return self.random.choice(list(faults.items()))

    def _kill(self, between: Callable[[], None] = lambda: None) -> None:
        begin = time.monotonic()
        self.server.kill()
        self._kills.append(Kill(begin, time.monotonic()))
        between()
        started = time.monotonic()
        self.server.start()
        taken = time.monotonic() - started
        self.tally.slowest_restart = max(self.tally.slowest_restart, taken)

    def _redis(self) -> RedisServer:
        assert self.redis is not None
        return self.redis

    def _kill_redis(self) -> None:
        self._redis().kill()
        time.sleep(self.random.uniform(0, 0.3))
        self._redis().start()
        time.sleep(self.random.uniform(0, 0.5))

    def _flush(self) -> None:
        self._redis().cli("FLUSHALL")
        time.sleep(self.random.uniform(0, 0.5))

    def _hang(self) -> None:
        self._redis().pause()
        time.sleep(self.random.uniform(0.2, 1.5))
        self._redis().resume()

    def _kill_both(self) -> None:
        self._redis().kill()
        self._kill(self._redis().start)

    def _flush_and_kill(self) -> None:
        self._redis().cli("FLUSHALL")
        self._kill()

    # -- the judgement

    def judge(self) -> None:
        """The queue runs empty; nothing was lost or doubled; `mailhub verify` is content."""
        tally = self.tally
        began = time.monotonic()
        while left := self._waiting():
            if time.monotonic() > began + PATIENCE:
                tally.problems.append(f"{left} entries still wait after {PATIENCE:.0f} s")
                return
            time.sleep(0.1)
        tally.slowest_drain = max(tally.slowest_drain, time.monotonic() - began)
        self._read_notices()
        counts = self.sink.counts
        with counts.lock:
            verdict = judge(self._promises, counts.taken, self._told, self._recorded(), self._kills)
            tally.deferred += sum(
                times for (_, code), times in counts.refused.items() if code == 451
            )
            tally.problems += counts.broken
            for book in (counts.taken, counts.refused, counts.dropped, counts.broken):
                book.clear()
        tally.accepted += sum(one.accepted for one in self._promises)
        tally.unanswered += sum(not one.accepted for one in self._promises)
        tally.delivered += verdict.delivered
        tally.refused += verdict.refused
        tally.dropped += verdict.dropped
        tally.unheard += verdict.unheard
        tally.unrecorded += verdict.unrecorded
        tally.gap = max(tally.gap, verdict.gap)
        tally.problems += verdict.problems
        self._promises, self._kills = [], []
        self._told.clear()
        self.server.stop()
        finding = self.server.verify()
        if finding:
            tally.problems.append(f"verify: {finding}")
        self.server.start()

    def _store(self) -> sqlite3.Connection:
        path = next((self.server.var / "store").rglob("mail.sqlite"))
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)

    def _waiting(self) -> int:
        """Recipients in the queue, as its own file has them."""
        store = self._store()
        try:
            return int(store.execute("SELECT count(*) FROM queue_entry").fetchone()[0])
        finally:
            store.close()

    def _recorded(self) -> Counter[str]:
        """Deliveries by recipient, of the journal's rows since the last judgement."""
        store = self._store()
        try:
            rows = store.execute(
                "SELECT json_extract(detail, '$.recipient') FROM journal"
                " WHERE number > ? AND kind = 'delivered'",
                (self._journal,),
            ).fetchall()
            self._journal = store.execute("SELECT max(number) FROM journal").fetchone()[0]
        finally:
            store.close()
        return Counter(recipient for (recipient,) in rows)

    def _read_notices(self) -> None:
        """Which failures each sender was told of; the mailboxes are empty afterwards."""
        for user in USERS:
            imap = imaplib.IMAP4("127.0.0.1", self.server.port("imap"))
            imap.login(f"{user}@{DOMAIN}", PASSWORD)
            imap.select("INBOX")
            # By UID: that is right in an empty mailbox, too.
            _, rows = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
            for row in rows:
                if isinstance(row, tuple):
                    self._told.update(failures(row[1]))
            imap.uid("STORE", "1:*", "+FLAGS.SILENT", "\\Deleted")
            imap.expunge()
            imap.logout()


def failures(notice: bytes) -> list[Key]:
    """The message that a notification is about, with each recipient that it names."""
    found = re.search(rb"^X-Crash-Id: (\S+)", notice, re.M)
    identity = found[1].decode() if found else "?"
    named = re.findall(rb"^Final-Recipient: rfc822; ?(\S+)", notice, re.M | re.I)
    return [(identity, one.decode()) for one in named]


def run(folder: Path, name: str, cycles: int, seed: int, every: int = EVERY) -> Tally:
    """`cycles` of one of RUNS."""
    life = Life(folder, name, seed)
    began = time.monotonic()
    try:
        life.prepare()
        for number in range(1, cycles + 1):
            life.cycle()
            if number % every == 0 or number == cycles:
                life.judge()
                life.tally.seconds = time.monotonic() - began
                print(life.tally.line(), flush=True)
            if life.tally.problems:
                break
    finally:
        life.end()
    return life.tally


def table(tallies: Sequence[Tally]) -> str:
    """Everything that was counted, a column for each run."""
    rows: dict[str, list[str]] = {"": [one.name for one in tallies]}
    rows["cycles"] = [str(one.cycles) for one in tallies]
    for fault in sorted({fault for one in tallies for fault in one.faults}):
        rows[f"  {fault}"] = [str(one.faults[fault]) for one in tallies]
    for label, name in (
        ("messages accepted", "accepted"),
        ("messages without an answer", "unanswered"),
        ("recipients delivered", "delivered"),
        ("refused, sender told", "refused"),
        ("put off by 451", "deferred"),
        ("twice: dropped behind the dot", "dropped"),
        ("twice: killed before the answer", "unheard"),
        ("twice: killed before the record", "unrecorded"),
    ):
        rows[label] = [str(getattr(one, name)) for one in tallies]
    rows["longest 250 to kill, ms"] = [f"{one.gap * 1000:.0f}" for one in tallies]
    rows["slowest restart, s"] = [f"{one.slowest_restart:.1f}" for one in tallies]
    rows["slowest drain, s"] = [f"{one.slowest_drain:.1f}" for one in tallies]
    rows["seconds"] = [f"{one.seconds:.0f}" for one in tallies]
    rows["violations"] = [str(len(one.problems)) for one in tallies]
    return "\n".join(
        f"{label:33}" + "".join(f"{cell:>20}" for cell in cells) for label, cells in rows.items()
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", choices=list(RUNS))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    names = [options.only] if options.only else list(RUNS)
    tallies: list[Tally] = []
    for number, name in enumerate(names):
        share = (options.cycles + number) // len(names)
        with tempfile.TemporaryDirectory(prefix="mailhub-crash-") as folder:
            tallies.append(run(Path(folder), name, share, options.seed + number))
        if tallies[-1].problems:
            break
    problems = [problem for tally in tallies for problem in tally.problems]
    for problem in problems[:50]:
        print(problem)
    print(table(tallies))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
