"""A day of a small organisation, compressed into an hour or less: does the server grow?

`python -m bench.day --help`. Everybody's operations of 24 hours are evenly spread over `--minutes`.
What comes is deleted at the rate at which it comes, so the mail that is kept stays the same, and so
should memory, descriptors, threads, and disk beside the mail. What the server does by the clock is
set to come round as often as it would on a day. Says what grew, writes all samples to results/, and
exits with 1 if something grew or any operation failed.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.day_house import House
from bench.day_people import KEPT, Letters, Person
from bench.day_samples import Line, Sample, bound, lines
from bench.smtp_load import Delivery

DAY: dict[str, int] = {
    "deliver": 100,
    "send": 10,
    "read": 24,
    "poll": 12,
    "call": 20,
    "browse": 10,
    "knock": 10,
}
"""What each person does on a day, or has done to them."""
WORKERS = 24
"""Acts at a time, at most."""
EVERY = 60.0
"""Seconds between two samples; less in a run of a few minutes."""
TOLD = 100_000
"""Octets in an hour from which on a table's growth is told."""
BEHIND = 30.0
"""Seconds that an act may come later than it should."""


@dataclass
class Acts:
    """What was done: seconds of each kind, and what went wrong."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    latest: float = 0.0

    def do(self, person: Person, name: str, due: float) -> None:
        """One act. People do one thing at a time; mail comes whatever they do."""
        act: Callable[[], None] = getattr(person, name)
        alone = name not in ("deliver", "knock")
        if alone:
            person.lock.acquire()
        start = time.monotonic()
        self.latest = max(self.latest, start - due)
        try:
            act()
        except Exception as error:  # whatever it is, it is counted and told
            self.failed.append(f"{name} {person.address}: {type(error).__name__} {error}")
        finally:
            self.took[name].append(time.monotonic() - start)
            if alone:
                person.lock.release()


def plan(people: Sequence[Person], seconds: float) -> Iterator[tuple[float, Person, str]]:
    """All acts in their order, each kind evenly spread, people in an order that changes."""
    chance = random.Random(7)
    acts: list[tuple[float, int, str]] = []
    for name, times in DAY.items():
        count = times * len(people)
        order: list[int] = []
        for turn in range(count):
            if not order:
                order = chance.sample(range(len(people)), len(people))
            acts.append(((turn + chance.random()) * seconds / count, order.pop(), name))
    for at, number, name in sorted(acts):
        yield at, people[number], name


Work = queue.Queue[tuple[float, Person, str] | None]


def live(people: Sequence[Person], seconds: float, tell: Callable[[float], None]) -> Acts:
    """The day. `tell` is called from time to time, with the seconds since it began."""
    acts, work = Acts(), Work()

    def working() -> None:
        while (one := work.get()) is not None:
            due, person, name = one
            acts.do(person, name, due)

    threads = [threading.Thread(target=working, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    start, told = time.monotonic(), 0.0
    every = min(EVERY, seconds / 20)
    for at, person, name in plan(people, seconds):
        while (now := time.monotonic() - start) < at:
            if now >= told:
                tell(now)
                told += every
            time.sleep(max(0.0, min(at, told) + start - time.monotonic()))
        work.put((start + at, person, name))
    for _ in threads:
        work.put(None)
    for thread in threads:
        thread.join(120)
        if thread.is_alive():
            acts.failed.append("an act did not end")
    tell(time.monotonic() - start)
    return acts


def morning(house: House, count: int) -> list[Person]:
    """Everybody with a mailbox that is as full as it will stay, and a client that waits."""
    letters = Letters(1)
    people = [Person(number, house.ports, letters) for number in range(count)]
    house.populate([person.address for person in people])
    kept = sum(KEPT.values())
    bodies = [
        letters.letter(person.stranger()[0], person.address).replace(b"\r\n.", b"\r\n..")
        for _ in range(kept)
        for person in people
    ]
    addresses = [person.address for person in people]
    networks = [f"127.7.{number}.1" for number in range(10)]
    Delivery(
        house.ports.smtp, 10, addresses, bodies, sender="s1@h1.example.org", sources=networks
    ).run(600)
    acts = Acts()
    # Many at once: as many passwords are hashed at a time as ever will be, and the 19 MiB that each
    # of these takes stay with the C library's pools, now or at some time of the day.
    with ThreadPoolExecutor(WORKERS) as pool:
        for person in people:
            pool.submit(acts.do, person, "settle", time.monotonic())
    if acts.failed:
        raise RuntimeError(acts.failed[:3])
    return people


def judged(found: dict[str, Line]) -> list[str]:
    """Prints figures, of tables only those that surely grow; names of what grew too much."""
    grew = []
    print(f"{'':52}{'level':>14}{'an hour':>14}{'+-':>12}{'may be':>14}")
    for name, line in found.items():
        limit = bound(name, found)
        if name.startswith("table: ") and not line.above(TOLD):
            continue
        verdict = ""
        if limit is not None:
            verdict = "GREW" if line.above(limit) else "ok"
            grew += [name] if verdict == "GREW" else []
        shown = "".join(f"{one:14,.0f}" for one in (line.level, line.growth))
        limit_shown = f"{limit:14,.0f}" if limit is not None else " " * 14
        print(f"{name:52}{shown}{line.error:12,.0f}{limit_shown}  {verdict}")
    return grew


def report(acts: Acts, samples: Sequence[Sample], house: House) -> bool:
    """Prints all; whether nothing grew and nothing failed."""
    found = lines(samples)
    grew = judged(found)
    changes = samples[-1].changes - samples[0].changes
    cost = (samples[-1].records - samples[0].records) / max(1, changes)
    print(f"records: {cost:.0f} octets for each of {changes:,} changes")
    print(f"{'':24}{'count':>9}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}")
    for name, values in sorted(acts.took.items()):
        ordered = sorted(values)
        at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99)]
        shown = "".join(f"{one:10.0f}" for one in (*at, ordered[-1] * 1000))
        print(f"{name:24}{len(ordered):9}{shown}")
    complaints = house.complaints()
    print(f"latest act: {acts.latest:.1f} s behind")
    print(f"failures: {len(acts.failed)} {json.dumps(acts.failed[:10])}")
    print(f"complaints of the server: {len(complaints)} {json.dumps(complaints[:10])}")
    print(f"grew: {', '.join(grew) or 'nothing'}")
    write(acts, samples, found, grew, complaints, house.name)
    return not (grew or acts.failed or complaints or acts.latest > BEHIND)


def write(
    acts: Acts,
    samples: Sequence[Sample],
    found: dict[str, Line],
    grew: Sequence[str],
    complaints: Sequence[str],
    name: str,
) -> None:
    """Into results/."""
    folder = Path(__file__).with_name("results")
    folder.mkdir(exist_ok=True)
    content = {
        "growth an hour": {
            name: {"level": line.level, "growth": line.growth, "error": line.error}
            for name, line in found.items()
        },
        "grew": grew,
        "acts": {name: len(values) for name, values in acts.took.items()},
        "failures": acts.failed[:100],
        "complaints": complaints[:100],
        "samples": [
            {"at": round(sample.at, 1), **{key: int(value) for key, value in sample.figures()}}
            for sample in samples
        ],
    }
    (folder / f"day-{name}.json").write_text(json.dumps(content, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--warm",
        type=float,
        default=20,
        help="minutes of a day before, in which caches fill and what is kept comes to its measure",
    )
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--nodes", type=int, choices=[1, 2], default=1, help="2: on PostgreSQL")
    parser.add_argument("--s3", action="store_true", help="larger mail in a bucket, on PostgreSQL")
    options = parser.parse_args()
    if options.database == "sqlite" and (options.nodes > 1 or options.s3):
        parser.error("several nodes and a bucket are for PostgreSQL")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    folder = Path(tempfile.mkdtemp(prefix="mailhub-day-"))
    folder.chmod(0o755)
    seconds = options.minutes * 60
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        house = stack.enter_context(
            House(folder, options.database, options.nodes, options.s3, seconds)
        )
        begun = time.monotonic()
        people = morning(house, options.users)
        print(f"everybody is there after {time.monotonic() - begun:.0f} s", flush=True)
        samples: list[Sample] = []

        def tell(at: float) -> None:
            sample = house.sample(at)
            samples.append(sample)
            print(sample, flush=True)

        eve = live(people, options.warm * 60, lambda at: None)
        print(f"a day before: {len(eve.failed)} failures {eve.failed[:3]}", flush=True)
        acts = live(people, seconds, tell)
        for person in people:
            acts.do(person, "part", time.monotonic())
            acts.do(person, "turn_away", time.monotonic())
        good = report(acts, samples, house)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
