"""Each measure: a function of one running server that returns a figure; the runner interleaves."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.imap_load import IMAP, IMAPSession, POP3Session
from bench.servers import Server, disk_sectors_written, resident
from bench.smtp_load import deliver, make_message

DOMAIN = "bench.test"


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; for rates more is better, for the rest less is."""

    name: str
    value: float
    unit: str


class Numbers:
    """Gives every made message its own number, so that no two are alike in a run."""

    def __init__(self) -> None:
        self._next = 0

    def messages(self, count: int, size: int) -> list[bytes]:
        self._next += count
        return [make_message(number, size) for number in range(self._next - count, self._next)]


def delivery(
    server: Server, users: list[str], numbers: Numbers, sessions: int, size: int, count: int
) -> list[Figure]:
    """Messages per second, durable and counted, and disk bytes written per message byte."""
    imap = IMAP(server.imap)
    bodies = numbers.messages(count, size)
    folder = server.folder
    try:
        imap.count(users[0])
        before = disk_sectors_written(folder)
        seconds = deliver(server.smtp, imap, users, sessions, bodies)
        written = disk_sectors_written(folder) - before
    finally:
        imap.close()
    label = f"{sessions} sessions, {size // 1000} KB"
    return [
        Figure(f"delivered, {label}", count / seconds, "messages/s"),
        Figure(f"written, {label}", written / sum(map(len, bodies)), "bytes per byte"),
    ]


FETCHES = {
    "FLAGS UID": b"FETCH 1:* (FLAGS UID)",
    "ENVELOPE set": b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "BODYSTRUCTURE": b"FETCH 1:* (UID BODYSTRUCTURE)",
    "header fields": b"FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
    "bodies": b"FETCH 1:* (UID BODY.PEEK[])",
}
SEARCHES = {
    "SEARCH SUBJECT": b'SEARCH SUBJECT "Report 4321 on"',
    "SEARCH TEXT": b'SEARCH TEXT "no such words at all"',
}


def reading(server: Server, user: str) -> list[Figure]:
    """IMAP on one full mailbox, warm: the best of two runs of each command."""
    figures = []
    for tls in (False, True):
        session = IMAPSession(server.imaps if tls else server.imap, f"{user}@{DOMAIN}", tls)
        session.command(b"SELECT INBOX")
        for name, command in FETCHES.items():
            if tls and name != "bodies":
                continue
            best = min(session.command(command)[0] for _ in range(2))
            figures.append(Figure(name + (" TLS" if tls else ""), best * 1000, "ms"))
        session.close()
    session = IMAPSession(server.imap, f"{user}@{DOMAIN}")
    session.command(b"SELECT INBOX")
    for name, command in SEARCHES.items():
        figures.append(Figure(name, session.command(command)[0] * 1000, "ms"))
    on = session.command(b"STORE 1:* +FLAGS (\\Flagged)")[0]
    off = session.command(b"STORE 1:* -FLAGS (\\Flagged)")[0]
    figures.append(Figure("STORE 1:*", min(on, off) * 1000, "ms"))
    session.close()
    return figures


def appending(server: Server, user: str, numbers: Numbers, count: int) -> list[Figure]:
    """APPEND of 10 KB messages one after the other, and connect + LOGIN + SELECT."""
    session = IMAPSession(server.imap, f"{user}@{DOMAIN}")
    session.command(b"CREATE appended")
    bodies = numbers.messages(count, 10_000)
    start = time.perf_counter()
    for body in bodies:
        session.append(b"appended", body)
    taken = time.perf_counter() - start
    session.command(b"DELETE appended")
    session.close()
    logins = []
    for _ in range(20):
        start = time.perf_counter()
        session = IMAPSession(server.imap, f"{user}@{DOMAIN}")
        session.command(b"SELECT INBOX")
        logins.append(time.perf_counter() - start)
        session.close()
    return [
        Figure("APPEND", taken / count * 1000, "ms each"),
        Figure("connect, LOGIN, SELECT", statistics.median(logins) * 1000, "ms"),
    ]


def retrieving(server: Server, user: str, count: int) -> list[Figure]:
    """POP3 RETR of `count` messages one after the other."""
    session = POP3Session(server.pop3, f"{user}@{DOMAIN}")
    taken = session.retrieve(count)
    session.close()
    return [Figure("POP3 RETR", taken / count * 1000, "ms each")]


def idling(server: Server, users: list[str], count: int, tls: bool) -> list[Figure]:
    """Proportional memory per connection that is logged in and has its INBOX selected."""
    warm = IMAPSession(server.imaps if tls else server.imap, f"{users[0]}@{DOMAIN}", tls)
    warm.command(b"SELECT INBOX")
    time.sleep(1)
    before = resident(server.pids())
    sessions = []
    for number in range(count):
        user = users[number % len(users)]
        session = IMAPSession(server.imaps if tls else server.imap, f"{user}@{DOMAIN}", tls)
        session.command(b"SELECT INBOX")
        session.shrink()
        sessions.append(session)
    time.sleep(1)
    grown = resident(server.pids()) - before
    for session in [*sessions, warm]:
        session.close()
    name = "memory per idle connection" + (" TLS" if tls else "")
    return [Figure(name, grown / count / 1024, "KiB")]


@contextmanager
def lateness(server: Server, user: str, into: list[float]) -> Iterator[None]:
    """Meanwhile one more session says NOOP every 10 ms; `into` gets each answer's seconds."""
    session = IMAPSession(server.imap, f"{user}@{DOMAIN}")
    stop = threading.Event()

    def knock() -> None:
        while not stop.wait(0.01):
            into.append(session.command(b"NOOP")[0])

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        session.close()
