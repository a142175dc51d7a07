"""The crash loop: mixed load, an end at a random moment, a restart, and the outside oracle.

`python -m tests.live.crash.loop --kills 1000` and `--cuts 200`; `make crash N=1000` runs it.
Prints one line every ten cycles and a summary; exit status 1 when anything was lost, doubled,
half done or inconsistent.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.crash.disk import LoopDisk, available
from tests.live.crash.ledger import Ledger
from tests.live.crash.load import Target, Worker, inspect
from tests.live.server import Server

ACCOUNTS = tuple(f"w{number}" for number in range(4))
DOMAIN = "crash.test"
PASSWORD = "crash-Passw0rd-1"


@dataclass
class Tally:
    """What a run of cycles saw."""

    cycles: int = 0
    acknowledged: int = 0
    refused: int = 0
    slowest_restart: float = 0.0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.cycles} cycles, {self.acknowledged} acknowledged, {self.refused} refused, "
            f"slowest restart {self.slowest_restart:.1f} s, {len(self.problems)} violations"
        )


class Crash:
    """One server's life through many deaths; the ledgers outlive them all."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.server = Server(folder)
        self.random = random.Random(seed)
        self.ledgers = [Ledger(account) for account in ACCOUNTS]
        self.tally = Tally()

    def prepare(self) -> None:
        """First start: the domain, the accounts, and their mailboxes."""
        self.server.start()
        self.server.add_domain(DOMAIN)
        for account in ACCOUNTS:
            self.server.add_user(f"{account}@{DOMAIN}", PASSWORD)
        os.sync()  # the configuration file is ours, and no server syncs it

    def target(self) -> Target:
        ports = self.server
        return Target(ports.port("smtp"), ports.port("lmtp"), ports.port("imap"), PASSWORD, DOMAIN)

    def cycle(self, end: str, disk: LoopDisk | None = None) -> None:
        """Load, the end (`kill` or `cut`), restart, inspection, verification."""
        stop = threading.Event()
        target = self.target()
        seeds = [self.random.randrange(1 << 30) for _ in self.ledgers]
        workers = [
            Worker(target, ledger, seed, stop)
            for ledger, seed in zip(self.ledgers, seeds, strict=True)
        ]
        before = sum(ledger.acknowledged for ledger in self.ledgers)
        for worker in workers:
            worker.start()
        time.sleep(self.random.uniform(0.05, 0.8))
        if end == "cut" and disk is not None:
            self._cut(disk, stop)
        else:
            self.server.kill()
            stop.set()
        for worker in workers:
            worker.join(30)
            self.tally.refused += len(worker.errors)
        if disk is not None and end == "cut":
            disk.unmount()
            disk.mount()
        started = time.monotonic()
        self.server.start()
        self.tally.slowest_restart = max(self.tally.slowest_restart, time.monotonic() - started)
        self._check()
        self.tally.cycles += 1
        self.tally.acknowledged += sum(ledger.acknowledged for ledger in self.ledgers) - before

    def _cut(self, disk: LoopDisk, stop: threading.Event) -> None:
        for ledger in self.ledgers:
            ledger.frozen = True
        disk.cut()
        stop.set()
        self.server.kill()

    def _check(self) -> None:
        target = self.target()
        for ledger in self.ledgers:
            self.tally.problems += inspect(target, ledger)

    def verify(self) -> None:
        """`mailhub verify` over the stopped server's store must find nothing."""
        self.server.stop()
        finding = self.server.verify()
        if finding:
            self.tally.problems.append(f"verify: {finding}")
        self.server.start()


def run(folder: Path, cycles: int, end: str, seed: int, verify_every: int = 10) -> Tally:
    """`cycles` ends of one kind; the store is verified every `verify_every` cycles and last."""
    disk = LoopDisk(folder, 2048) if end == "cut" else None
    if disk is not None:
        disk.create()
    crash = Crash(disk.mount_point / "hub" if disk else folder / "hub", seed)
    try:
        crash.prepare()
        for number in range(1, cycles + 1):
            crash.cycle(end, disk)
            if number % verify_every == 0 or number == cycles:
                crash.verify()
                print(f"{end}: {crash.tally.line()}", flush=True)
            if crash.tally.problems:
                break
    finally:
        crash.server.kill()
        if disk is not None:
            disk.remove()
    return crash.tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    failed = False
    for end, cycles in (("kill", options.kills), ("cut", options.cuts)):
        if not cycles:
            continue
        with tempfile.TemporaryDirectory(prefix="mailhub-crash-") as folder:
            if end == "cut" and not available(Path(folder)):
                print("power cuts need root and loop devices: none were made")
                continue
            tally = run(Path(folder), cycles, end, options.seed)
        for problem in tally.problems[:50]:
            print(problem)
        failed |= bool(tally.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
