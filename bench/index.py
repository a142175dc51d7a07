"""The index for searches by itself: how quickly it is built, how large it is, how it answers; on
SQLite and on PostgreSQL, of the same mail, in one run.

`python -m bench.index --help`. The store is filled through its port, the index kept by its own
process, and asked as core asks it: pages of an account as over HTTP, a mailbox as over IMAP. No
network and no server stand between. Processor seconds are told beside time, as the machine may do
other things, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.search import RARE, Writer
from mailhub.core.finding import Finds
from mailhub.core.messages import Messages
from mailhub.core.selected import Selections
from mailhub.core.watch import Watch
from mailhub.model.flags import Flags
from mailhub.model.indexed import Span
from mailhub.model.mailbox import Mailbox
from mailhub.model.search import (
    ANYWHERE,
    And,
    Arrived,
    BodyHas,
    InMailboxes,
    Says,
    SearchKey,
    TextHas,
    Where,
)
from mailhub.model.settings import StoreSettings
from mailhub.wire.rendering import render
from tests.contract import stores
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, House, TextBody, sqlite_house

APPENDED = 200
"""Messages of one commit."""
PAGE = Span(50)
FIRST, DAY = 1_700_000_000, 86400
DAYS = 1000
"""Over which the mail came."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Site:
    """A store and what it is made of. `told`: the words with which the index's process is started.
    `busy`: processor seconds of the database's processes."""

    name: str
    house: House
    told: list[str]
    first: bytes
    busy: Callable[[], float]
    account: int = 0
    mailboxes: tuple[Mailbox, ...] = ()

    def fill(self, count: int) -> int:
        """INBOX gets `count` messages, Archive a tenth as many; their bytes."""
        account, _ = self.house.account("Archive")
        self.account = account.number
        self.mailboxes = tuple(self.house.ask(self.house.store.mailboxes.all(self.account)))
        writer, size = Writer(), 0
        archive = next(box for box in self.mailboxes if box.name == "Archive")
        inbox = next(box for box in self.mailboxes if box.name == "INBOX")
        for box, start, stop in ((inbox, 0, count), (archive, count, count + count // 10)):
            for at in range(start, stop, APPENDED):
                mail = [writer.message(number) for number in range(at, min(at + APPENDED, stop))]
                new = [
                    (TextBody(one), render(one), Flags(), _moment((at + place) % count, count))
                    for place, one in enumerate(mail)
                ]
                self.house.ask(
                    self.house.store.messages.append(self.account, box.number, new, ACTOR)
                )
                size += sum(map(len, mail))
        return size

    def build(self) -> tuple[float, float, float]:
        """Has the process take in all there is: seconds, its processor's, the database's."""
        index = self.house.store.search_index  # type: ignore[attr-defined]
        began, busy = time.monotonic(), self.busy()
        words = [sys.executable, "-m", "mailhub.indexing", *self.told, "0", "plain", "3600"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stdin is not None
            process.stdin.write(self.first)
            process.stdin.flush()
            while self.house.ask(index.status()).waiting:
                if process.poll() is not None:
                    raise RuntimeError("The index's process ended")
                time.sleep(1)
            taken, used = time.monotonic() - began, _busy(process.pid)
            process.stdin.close()
        return taken, used, self.busy() - busy

    def size(self) -> int:
        """Bytes of the index."""
        return self.house.ask(self.house.store.search_index.status()).size  # type: ignore[attr-defined]


def _moment(place: int, count: int) -> int:
    return FIRST + place * DAYS // count * DAY


def _busy(pid: int) -> float:
    """Processor seconds of a process and of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def _family(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _busy(pid) + sum(map(_busy, map(int, children)))


def questions(site: Site) -> Iterator[tuple[str, Callable[[], int]]]:
    """By name: what asks, and says how many there are."""
    store, ask = site.house.store, site.house.ask
    clock = site.house.clock
    messages = Messages(store, clock)
    selections = Selections(store, Watch(store), StoreSettings())
    finds = Finds(store, messages, selections, clock)
    writer = Writer()
    most, also, some, other = (writer.words[place] for place in (3, 4, 1500, 900))
    before = _before_the_rare()
    inbox = next(box for box in site.mailboxes if box.name == "INBOX")
    late = Arrived(since=FIRST + DAYS * 99 // 100 * DAY)

    def page(key: SearchKey) -> Callable[[], int]:
        return lambda: ask(finds.page(site.account, key, PAGE)).total

    def mailbox(key: SearchKey) -> Callable[[], int]:
        view = ask(selections.select(inbox, read_only=True, recent=False))
        return lambda: len(ask(messages.find(view, key)))

    def says(text: str, *, phrase: bool = False) -> Says:
        return Says(ANYWHERE, text, phrase)

    both, side = says(f"{some} {other}"), says(f"{most} {also}", phrase=True)
    keys: dict[str, SearchKey] = {
        "a rare word": says(RARE),
        "its beginning": says(RARE[:6]),
        "a common word": says(most),
        "two words": both,
        "two common words": says(f"{most} {also}"),
        "a rare phrase": says(f"{before} {RARE}", phrase=True),
        "a phrase of two common words": side,
        "a phrase of the subject": Says((Where.SUBJECT,), f"{most} {also}", phrase=True),
        "a common word, of the last days": And((says(most), late)),
        "a phrase, of the last days": And((side, late)),
    }
    for name, key in keys.items():
        yield f"account: {name}", page(key)
    within = InMailboxes(frozenset([inbox.number]))
    for name in ("a common word", "a phrase of two common words"):
        yield f"mailbox: {name}", page(And((keys[name], within)))
    for name, key in (
        ("TEXT, a rare word", TextHas(RARE)),
        ("TEXT, a part of it", TextHas(RARE[3:12])),
        ("TEXT, nowhere", TextHas("nosuchwordatall")),
        ("BODY, a common word", BodyHas(most)),
        ("BODY, two common words", BodyHas(f"{most} {also}")),
    ):
        yield f"IMAP: {name}", mailbox(key)


def _before_the_rare() -> str:
    writer = Writer()
    for number in range(78):
        made = writer.message(number)
    words = made.partition(b"\r\n\r\n")[2].decode().split()
    return words[words.index(RARE) - 1]


def measured(ask: Callable[[], int], seconds: float, most: int) -> tuple[int, list[float]]:
    """How many were found, and milliseconds of each asking: at least two, `most` at most."""
    times: list[float] = []
    ends = time.monotonic() + seconds
    found = 0
    while len(times) < 2 or (len(times) < most and time.monotonic() < ends):
        began = time.perf_counter()
        found = ask()
        times.append((time.perf_counter() - began) * 1000)
    return found, times


def measure(site: Site, count: int, seconds: float, most: int) -> Iterator[str]:
    """A line a figure."""
    began = time.monotonic()
    mail = site.fill(count)
    total = count + count // 10
    taken = time.monotonic() - began
    yield f"{site.name}: {total} messages of {mail / total:.0f} bytes, filled in {taken:.0f} s"
    taken, used, base = (one / total * 1000 for one in site.build())
    size = site.size()
    yield (
        f"{site.name}: index built at {1000 / taken:.0f} messages/s; processor {used:.2f} +"
        f" {base:.2f} ms each; {size / total:.0f} bytes each, {size / mail:.2f} a byte of mail"
    )
    for name, ask in questions(site):
        base = site.busy()
        found, times = measured(ask, seconds, most)
        base = (site.busy() - base) / len(times) * 1000
        last = sorted(times)[int(len(times) * 0.99)]
        yield (
            f"{site.name}: {name:42} {found:7} found  p50 {statistics.median(times):8.1f}"
            f"  p99 {last:8.1f}  database {base:8.1f} ms  ({len(times)} times)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="messages of INBOX")
    parser.add_argument("--seconds", type=float, default=5, help="for each question")
    parser.add_argument("--most", type=int, default=200, help="askings of each question")
    parser.add_argument("--on", choices=["sqlite", "postgres", "both"], default="both")
    options = parser.parse_args()
    stores.PATIENCE = 600
    folder = Path(tempfile.mkdtemp(prefix="mailhub-bench-"))
    shared = Postgres(durable=True) if options.on != "sqlite" else None
    try:
        sites: list[Site] = []
        if options.on != "postgres":
            house = sqlite_house(folder)
            sites.append(Site("SQLite", house, [str(folder / "store")], b"", lambda: 0.0))
        if shared is not None:
            house, pid = shared.house(folder), shared.server.pid
            first = json.dumps({"database": shared.where(house)}).encode() + b"\n\n"
            sites.append(Site("PostgreSQL", house, ["-"], first, lambda: _family(pid)))
        for site in sites:
            for line in measure(site, options.count, options.seconds, options.most):
                print(line, flush=True)
            site.house.stop()
    finally:
        if shared is not None:
            shared.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
