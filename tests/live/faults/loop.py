"""Faults of several nodes: load through all of them, a fault amid it, and the outside oracle.

`python -m tests.live.faults.loop --cycles 1000`; `make faults N=1000` runs it. In each cycle users
deliver, store, flag, copy, move and expunge through whichever node, mail leaves for a server that
counts, and one thing goes wrong. When every node works again, each mailbox is read through another
node than before and held against what was acknowledged. Every few cycles the queue runs empty, what
left is judged, and `mailhub verify` reads the whole store. Prints a line each time and a table of
recovery times at the end; exit status 1 when anything was lost, doubled without a cause or
inconsistent.
"""

from __future__ import annotations

import argparse
import imaplib
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.crash.counting import Key
from tests.live.crash.departures import Kill, Promise, judge
from tests.live.crash.ledger import Ledger
from tests.live.crash.load import Target, Worker, inspect
from tests.live.crash.sending import USERS, Submitter, failures
from tests.live.faults.acts import possible
from tests.live.faults.nodes import ALONE, DOMAIN, PASSWORD, Kind, Node, Nodes, until
from tests.live.faults.stalls import Stalls
from tests.live.server import Server

ACCOUNTS = ("a0", "a1", "a2", "a3")
EVERY = 15
"""Cycles between two judgements of what left."""
EMPTY = 90.0
"""Seconds that the queue has to run empty."""
BEHIND = 3.0
"""Seconds behind a fault in which an answer may not have been recorded: a lease's and a bit."""


@dataclass
class Tally:
    """What a run saw. `recoveries`: seconds until all nodes worked, by fault. `stalls`: how often a
    node stood still for a second or longer, frozen ones among them; `stood_still`: the longest."""

    cycles: int = 0
    acknowledged: int = 0
    refused: int = 0
    delivered: int = 0
    twice: Counter[str] = field(default_factory=Counter)
    stalls: int = 0
    stood_still: float = 0.0
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.cycles} faults, {self.acknowledged} acknowledged, {self.refused} refused, "
            f"{self.delivered} delivered onward, {len(self.problems)} violations"
        )


@dataclass(frozen=True)
class _At:
    """What `Submitter` asks of the life that it is part of."""

    server: Server


class Faults:
    """The life of some nodes through many faults; what was promised outlives each."""

    def __init__(self, folder: Path, count: int, seed: int, kind: Kind) -> None:
        self.nodes = Nodes(folder, count, (*ACCOUNTS, *USERS), kind)
        self.random = random.Random(seed)
        self.acts = possible(kind)
        self.ledgers = [Ledger(account) for account in ACCOUNTS]
        self.tally = Tally()
        self.stalls = Stalls(lambda: [node.server.log for node in self.nodes.all])
        self._promises: list[Promise] = []
        self._times: list[Kill] = []

    def cycle(self, name: str = "") -> None:
        """Load, a fault amid it, recovery, inspection."""
        name = name or self.random.choice(list(self.acts))
        stop = threading.Event()
        workers = [Worker(self._target(), ledger, self._seed(), stop) for ledger in self.ledgers]
        submitters = [
            Submitter(_At(self._node().server), user, self._seed(), stop)  # type: ignore[arg-type]
            for user in USERS
        ]
        before = sum(ledger.acknowledged for ledger in self.ledgers)
        for one in (*workers, *submitters):
            one.start()
        time.sleep(self.random.uniform(0.1, 0.6))
        begin = time.monotonic()
        self.acts[name](self.nodes, self.random)
        over = time.monotonic()
        stop.set()
        self.tally.recoveries[name].append(max(self.nodes.recovered()))
        self._times.append(Kill(begin, time.monotonic() + BEHIND))
        self.nodes.mend()
        for worker in workers:
            worker.join(60)
            self.tally.refused += len(worker.errors)
        for submitter in submitters:
            submitter.join(60)
            self._promises += submitter.promises
        for ledger in self.ledgers:
            problems = inspect(self._target(), ledger)
            self.tally.problems += [f"{name} ({over - begin:.1f} s): {one}" for one in problems]
        self.tally.cycles += 1
        self.tally.acknowledged += sum(ledger.acknowledged for ledger in self.ledgers) - before

    def _node(self) -> Node:
        return self.random.choice(self.nodes.all)

    def _target(self) -> Target:
        server = self._node().server
        return Target(
            server.port("smtp"), server.port("lmtp"), server.port("imap"), PASSWORD, DOMAIN
        )

    def _seed(self) -> int:
        return self.random.randrange(1 << 40)

    def judge(self) -> None:
        """The queue runs empty; nothing of it was lost or doubled; the store is whole."""
        tally, counts = self.tally, self.nodes.sink.counts
        if not until(lambda: self.nodes.waiting() == 0, EMPTY):
            tally.problems.append(f"{self.nodes.waiting()} entries still wait after {EMPTY:.0f} s")
            return
        told = self._told()
        times = [*self._times, *self.stalls.take()]
        with counts.lock:
            recorded = self.nodes.recorded()
            verdict = judge(self._promises, counts.taken, told, recorded, times)
            tally.problems += [*verdict.problems, *counts.broken]
            for book in (counts.taken, counts.refused, counts.dropped, counts.broken):
                book.clear()
        tally.delivered += verdict.delivered
        for why in ("dropped", "unheard", "unrecorded"):
            tally.twice[why] += getattr(verdict, why)
        self._promises, self._times = [], []
        if finding := self.nodes.verify():
            tally.problems.append(f"verify: {finding}")

    def _told(self) -> Counter[Key]:
        """Which failures each sender was told of; the mailboxes are empty afterwards."""
        told: Counter[Key] = Counter()
        for user in USERS:
            with imaplib.IMAP4("127.0.0.1", self._node().server.port("imap")) as imap:
                imap.login(f"{user}@{DOMAIN}", PASSWORD)
                imap.select("INBOX")
                _, rows = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
                for row in rows:
                    if isinstance(row, tuple):
                        told.update(failures(row[1]))
                imap.uid("STORE", "1:*", "+FLAGS.SILENT", "\\Deleted")
                imap.expunge()
        return told


def run(
    folder: Path,
    cycles: int,
    seed: int,
    count: int,
    kind: Kind = ALONE,
    names: Sequence[str] = (),
) -> Tally:
    """`cycles` faults, each of `names` in turn or else any, on so many nodes."""
    faults = Faults(folder, count, seed, kind)
    try:
        faults.nodes.begin()
        faults.nodes.recovered()
        faults.stalls.start()
        for number in range(1, cycles + 1):
            faults.cycle(names[(number - 1) % len(names)] if names else "")
            if number % EVERY == 0 or number == cycles:
                faults.judge()
                print(faults.tally.line(), flush=True)
            if faults.tally.problems:
                break
    except AssertionError as error:  # a part does not come back
        faults.tally.problems.append(str(error))
    finally:
        faults.stalls.stop()
        faults.nodes.end()
    faults.tally.stalls = faults.stalls.count
    faults.tally.stood_still = faults.stalls.longest
    return faults.tally


def table(tallies: Sequence[Tally]) -> str:
    """Recoveries by fault, in seconds."""
    found: dict[str, list[float]] = defaultdict(list)
    for tally in tallies:
        for name, seconds in tally.recoveries.items():
            found[name] += seconds
    lines = [f"{'fault':34}{'times':>7}{'median s':>10}{'worst s':>10}"]
    for name, seconds in sorted(found.items()):
        middle, worst = statistics.median(seconds), max(seconds)
        lines.append(f"{name:34}{len(seconds):7}{middle:10.2f}{worst:10.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=0, help="0: two, then three")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", action="append", default=[], help="a fault's name")
    parser.add_argument("--s3", action="store_true", help="bodies in a bucket")
    parser.add_argument("--pairs", action="store_true", help="a standby, a replica and Sentinels")
    parser.add_argument("--clocks", action="store_true", help="nodes' clocks can be set")
    options = parser.parse_args()
    kind = Kind(options.s3, options.pairs, options.clocks)
    print(f"seed {options.seed}")
    tallies: list[Tally] = []
    counts = [options.nodes] if options.nodes else [2, 3]
    for number, count in enumerate(counts):
        share = (options.cycles + number) // len(counts)
        folder = Path(tempfile.mkdtemp(prefix="mailhub-faults-"))
        tallies.append(run(folder, share, options.seed + number, count, kind, options.only))
        if tallies[-1].problems:
            print(f"what was logged is in {folder}")
            break
        shutil.rmtree(folder)
    problems = [problem for tally in tallies for problem in tally.problems]
    for problem in problems[:50]:
        print(problem)
    print(table(tallies))
    twice = sum((tally.twice for tally in tallies), Counter())
    print(f"delivered twice, with a cause: {json.dumps(twice)}")
    stalls, longest = sum(one.stalls for one in tallies), max(one.stood_still for one in tallies)
    print(f"nodes stood still {stalls} times, for {longest:.1f} s at the longest")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
