"""What filters cost: deliveries to accounts without any, with five and with twenty on header
fields, and with twenty of which five look for words in the text, in turn, beside Postfix and
Dovecot without any.

`python -m bench.rules --help`. What is judged is the processor that the server used for a message,
which a busy machine changes less than the rate, and how the rate stands to the peer's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.dovecot import PostfixDovecot
from bench.imap_load import IMAP
from bench.servers import Mailhub
from bench.smtp_load import Delivery, deliver, make_message
from bench.web import Web, processor

SESSIONS = 10
PEOPLE = 10
PEERS = [f"peer{number}" for number in range(PEOPLE)]
FILTERS = 20
CEILINGS = {"headers": 1.4, "text": 1.8}
"""Processor for a message, to that of accounts without rules."""
PEER = "postfix+dovecot"
FLOORS = {"none": 4.0, "few": 4.0}
"""Messages a second, to the peer's, who has no rules."""
Order = dict[str, Any]


def headers(box: str) -> list[Order]:
    """Filters that look at header fields; the last one puts the message into a mailbox."""
    found: list[Order] = [
        {"query_from": f"someone{number}@", "query_subject": "nothing", "action_flag": True}
        for number in range(FILTERS // 2)
    ]
    found += [
        {"query_subject": f"word{number}", "action_seen": True}
        for number in range(FILTERS // 2 - 1)
    ]
    return [*found, {"query_subject": "report", "action_mailbox": box}]


def few(box: str) -> list[Order]:
    """Five of them, as most people who have any have."""
    return headers(box)[-5:]


def text(box: str) -> list[Order]:
    """The same, with five that look for words which no message has."""
    return [
        *({"query_text": f"needle {number}", "action_flag": True} for number in range(5)),
        *headers(box)[5:],
    ]


KINDS: dict[str, Callable[[str], list[Order]]] = {
    "none": lambda box: [],
    "few": few,
    "headers": headers,
    "text": text,
}


def prepare(web: Web, kinds: Sequence[str]) -> None:
    """Accounts of every kind, and what they set."""
    for kind in kinds:
        make = KINDS[kind]
        for number in range(PEOPLE):
            name = f"{kind}{number}@bench.test"
            user = _post(web, "/users", {"username": name, "address": name, "password": "x1y2z3w4"})
            orders = make("")
            if not orders:
                continue
            box = _post(web, f"/users/{user}/mailboxes", {"path": "Reports"})
            for order in make(box):
                _post(web, f"/users/{user}/filters", order)


def _post(web: Web, path: str, order: Order) -> str:
    return str(json.loads(web.ask("POST", path, json.dumps(order).encode()))["id"])


def main() -> None:
    """Prints medians; ends with 1 where filters cost more than they may."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--count", type=int, default=2000, help="messages a round")
    options.add_argument("--size", type=int, default=10_000, help="octets of a message")
    options.add_argument("--kinds", nargs="*", default=list(KINDS))
    options.add_argument("--alone", action="store_true", help="mailhub without the peer")
    given = options.parse_args()
    worked: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the peer's processes are of several users
        server = Mailhub(Path(folder) / "hub")
        peer = None if given.alone else PostfixDovecot(Path(folder) / "peer")
        server.start(["first"])  # it says that it is ready before this can be
        try:
            if peer is not None:
                peer.start(PEERS)
            prepare(Web(server.http), given.kinds)
            for turn in range(given.rounds + 1):
                for kind in given.kinds:
                    _round(server, kind, turn, given, worked, rates)
                if peer is not None and turn:
                    rates[PEER].append(_peer_round(peer, turn, given))
        finally:
            server.stop()
            if peer is not None:
                peer.stop()
    _report(given.kinds, worked, rates)


def _round(
    server: Mailhub,
    kind: str,
    turn: int,
    given: argparse.Namespace,
    worked: dict[str, list[float]],
    rates: dict[str, list[float]],
) -> None:
    """One round; the first is not counted."""
    bodies = _bodies(turn, given)
    people = [f"{kind}{number}@bench.test" for number in range(PEOPLE)]
    load = Delivery(server.smtp, SESSIONS, people, bodies)
    began, before = time.monotonic(), processor(server)
    load.run()
    if turn:
        rates[kind].append(given.count / (time.monotonic() - began))
        time.sleep(0.5)  # what runs behind it belongs to it
        worked[kind].append((processor(server) - before) / given.count * 1e6)


def _peer_round(peer: PostfixDovecot, turn: int, given: argparse.Namespace) -> float:
    """Messages a second, until all of them stand in mailboxes: with us they do when the last one
    is accepted."""
    imap = IMAP(peer.imap)
    try:
        return given.count / deliver(peer.smtp, imap, PEERS, SESSIONS, _bodies(turn, given))
    finally:
        imap.close()


def _bodies(turn: int, given: argparse.Namespace) -> list[bytes]:
    return [make_message(turn * given.count + n, given.size) for n in range(given.count)]


def _report(
    kinds: list[str], worked: dict[str, list[float]], rates: dict[str, list[float]]
) -> None:
    base = statistics.median(worked[kinds[0]])
    peer = statistics.median(rates[PEER]) if PEER in rates else None
    failed = False
    for kind in kinds:
        cost, rate = statistics.median(worked[kind]), statistics.median(rates[kind])
        most = CEILINGS.get(kind)
        over = most is not None and cost / base > most
        least = FLOORS.get(kind, 0)
        slow = peer is not None and rate / peer < least
        failed |= over or slow
        print(
            f"{kind:8} {cost:7.0f} us a message ({cost / base:.2f}), {rate:6.0f} messages/s"
            + (f" ({rate / peer:.2f} of {PEER})" if peer else "")
            + (f"  over {most}" if over else "")
            + (f"  under {least}" if slow else "")
        )
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
