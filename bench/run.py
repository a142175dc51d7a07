"""Runs every measure on mailhub and on Postfix + Dovecot in turn, and prints medians and ratios.

`python -m bench.run --help`. Needs Debian's postfix and dovecot packages and root for the peer's
daemons. Results go to bench/results/ as JSON with an SVG plot beside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench import backlog, measures, relay
from bench.dovecot import PostfixDovecot
from bench.imap_load import IMAP
from bench.measures import Figure, Numbers
from bench.plot import draw
from bench.servers import Mailhub, Server
from bench.smtp_load import deliver, make_message

RATES = "messages/s"

FLOORS: dict[str, tuple[str, float]] = {
    "delivered, 1 sessions, 10 KB": (">=", 1.5),
    "delivered, 10 sessions, 10 KB": (">=", 4),
    "delivered, 50 sessions, 10 KB": (">=", 6),
    "delivered, 10 sessions, 100 KB": (">=", 2),
    "ENVELOPE set": ("<=", 0.4),
    "FLAGS UID": ("<=", 1),
    "BODYSTRUCTURE": ("<=", 1.2),
    "bodies": ("<=", 1.2),
    "bodies TLS": ("<=", 0.8),
    "STORE 1:*": ("<=", 1),
    "APPEND": ("<=", 1),
    "POP3 RETR": ("<=", 1),
    **relay.FLOORS,
}
"""Of mailhub's median to the peer's: what a release must keep."""

CEILINGS = {
    "written, 10 sessions, 10 KB": 3.5,
    "written, 50 sessions, 10 KB": 3.5,
    "memory per idle connection": 20,
    "memory per idle connection TLS": 80,
    "NOOP beside the load, p99": 10,
    **backlog.CEILINGS,
}
"""Absolute figures of mailhub alone."""

Figures = dict[str, dict[str, list[float]]]


def deliveries(servers: list[Server], users: list[str], options: argparse.Namespace) -> Figures:
    """Every session count and size, the servers in turn within each."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    numbers = Numbers()
    plan = [
        (1, 10_000, 300),
        (10, 10_000, 2000),
        (50, 10_000, 3000),
        (10, 2_000, 2000),
        (50, 2_000, 3000),
        (10, 100_000, 300),
        (1, 100_000, 100),
    ]
    for _ in range(options.rounds):
        for sessions, size, count in plan:
            count = max(int(count * options.scale), sessions * 2)
            for server in servers:
                late: list[float] = []
                with measures.lateness(server, users[0], late):
                    found = measures.delivery(server, users, numbers, sessions, size, count)
                collect(figures, server, found)
                figures["NOOP beside the load, p99"][server.name].append(p99(late) * 1000)
    return figures


def p99(values: list[float]) -> float:
    """The 99th percentile; 0 where there are no values."""
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0


def collect(figures: Figures, server: Server, found: list[Figure]) -> None:
    for figure in found:
        figures[figure.name][server.name].append(figure.value)
        UNITS[figure.name] = figure.unit


UNITS: dict[str, str] = {"NOOP beside the load, p99": "ms"}


def fill(server: Server, user: str, count: int) -> None:
    """Puts `count` messages of 10 KB into `user`'s INBOX."""
    imap = IMAP(server.imap)
    try:
        there = imap.count(f"{user}")
        bodies = [make_message(1_000_000 + n, 10_000) for n in range(count - there)]
        deliver(server.smtp, imap, [user], 10, bodies)
    finally:
        imap.close()


def readings(servers: list[Server], options: argparse.Namespace) -> Figures:
    """Everything about reading one mailbox of 10,000 messages."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    numbers = Numbers()
    count = int(10_000 * options.scale)
    for server in servers:
        fill(server, "reader", count)
    steps: list[Callable[[Server], list[Figure]]] = [
        lambda server: measures.reading(server, "reader"),
        lambda server: measures.appending(server, "writer", numbers, int(500 * options.scale)),
        lambda server: measures.retrieving(server, "reader", int(2000 * options.scale)),
    ]
    for step in steps:
        for _ in range(options.rounds):
            for server in servers:
                late: list[float] = []
                with measures.lateness(server, "knocker", late):
                    collect(figures, server, step(server))
                figures["NOOP beside the load, p99"][server.name].append(p99(late) * 1000)
    return figures


def idles(servers: list[Server], users: list[str], options: argparse.Namespace) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for tls in (False, True):
        for server in servers:
            collect(figures, server, measures.idling(server, users, options.idle, tls))
    return figures


def report(figures: Figures, names: list[str]) -> dict[str, object]:
    """Prints one line a figure; returns it all for the JSON."""
    rows: dict[str, object] = {}
    ours, *peers = names
    for name, by_server in figures.items():
        medians = {key: statistics.median(values) for key, values in by_server.items()}
        ratio = medians[ours] / medians[peers[0]] if peers and medians.get(peers[0]) else None
        verdict = judge(name, medians[ours], ratio)
        shown = "  ".join(f"{medians.get(key, 0):10.2f}" for key in names)
        of_peer = f"{ratio:6.2f}x" if ratio is not None else "      -"
        print(f"{name:38} {shown}  {of_peer}  {UNITS[name]:14} {verdict}")
        rows[name] = {
            "unit": UNITS[name],
            "runs": by_server,
            "medians": medians,
            "ratio": ratio,
            "verdict": verdict,
        }
    return rows


def judge(name: str, value: float, ratio: float | None) -> str:
    """`ok` or `MISSED` with the floor, empty where none is set."""
    if name in FLOORS and ratio is not None:
        sign, bound = FLOORS[name]
        good = ratio >= bound if sign == ">=" else ratio <= bound
        return f"{'ok' if good else 'MISSED'} ({sign} {bound}x)"
    if name in CEILINGS:
        return f"{'ok' if value <= CEILINGS[name] else 'MISSED'} (<= {CEILINGS[name]})"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full counts")
    parser.add_argument("--idle", type=int, default=2000, help="idle connections")
    parser.add_argument("--only", choices=["delivery", "reading", "idle", "relay", "backlog"])
    parser.add_argument("--queued", type=int, default=100_000, help="recipients of the backlog")
    parser.add_argument("--alone", action="store_true", help="mailhub without the peer")
    parser.add_argument("--folder", type=Path, help="where the servers keep their mail")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mailhub-bench-"))
    folder.chmod(0o755)
    servers: list[Server] = [Mailhub(folder / "mailhub")]
    if not options.alone:
        servers.append(PostfixDovecot(folder / "peer"))
    users = [f"u{number}" for number in range(10)]
    started: list[Server] = []
    figures: Figures = {}
    try:
        for server in servers if options.only not in ("relay", "backlog") else ():
            started.append(server)
            server.start([*users, "reader", "writer", "knocker"])
        if options.only in (None, "delivery"):
            figures |= deliveries(servers, users, options)
        if options.only in (None, "reading"):
            merge(figures, readings(servers, options))
        if options.only in (None, "idle"):
            merge(figures, idles(servers, users, options))
    finally:
        for server in started:
            server.stop()
    if options.only in (None, "relay"):
        found, units = relay.measure(
            folder, rounds=options.rounds, scale=options.scale, alone=options.alone
        )
        merge(figures, found)
        UNITS.update(units)
    if options.only in (None, "backlog"):
        found, units = backlog.figures(folder, options.queued)
        merge(figures, found)
        UNITS.update(units)
    names = [server.name for server in servers]
    print(f"{'':38} {'  '.join(f'{name[:10]:>10}' for name in names)}   ratio")
    rows = report(figures, names)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "latest.json").write_text(json.dumps(rows, indent=1))
    (results / "latest.svg").write_text(draw(rows, names))


def merge(figures: Figures, more: Figures) -> None:
    """Adds the runs of `more`."""
    for name, by_server in more.items():
        mine = figures.setdefault(name, defaultdict(list))
        for server, values in by_server.items():
            mine[server] = [*mine.get(server, []), *values]


if __name__ == "__main__":
    main()
