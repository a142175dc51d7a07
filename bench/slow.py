"""Clients that take, or give, a byte a second; and newcomers that are timed beside them.

Part of `python -m bench.crowd --slow`, in a process of its own. Knows no more of the server than
its ports and how long it lets somebody be slow.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.servers import PASSWORD
from mailhub.model.settings import HTTPSettings, IMAPSettings, POP3Settings, SMTPSettings

READERS, TALKERS = 50, 420
SIP = 1
"""Octets a second that a reader takes."""
KNOCK = 0.05
"""Seconds between two newcomers."""
WELCOME = (b"220 ", b"* OK", b"+OK", b"HTTP/1.1 200")
GREETED = 0.25
"""Seconds until a newcomer has heard something, in 99 of 100 times."""
SLACK = 30.0
"""Seconds that a client may stay after its time is over: the server looks now and then."""


@dataclass(frozen=True)
class Doors:
    """Ports on loopback, by service; and accounts, the first of which has much mail."""

    ports: dict[str, int]
    users: Sequence[str]


@dataclass(frozen=True)
class Way:
    """How to be slow: a service, what is said at once (`{user}`: an account), what is said a byte a
    second for ever, and after how many seconds the server has had enough; None: not soon."""

    service: str
    begin: str
    rest: str
    limit: float | None


LOGIN = f'a LOGIN "{{user}}@bench.test" "{PASSWORD}"\r\n'
MAIL = "EHLO slow.example\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<{user}@bench.test>\r\nDATA\r\n"
WAYS = {
    "smtp, a command": Way("smtp", "", "EHLO " + "a" * 500, SMTPSettings().idle_timeout),
    "smtp, a message": Way("smtp", MAIL, "abc " * 20, None),
    "imap, a command": Way("imap", "", "a LOGIN " + "a" * 500, IMAPSettings().login_timeout),
    "imap, a literal": Way("imap", LOGIN + "b APPEND INBOX {{99999+}}\r\n", "abc ", None),
    "pop3, a command": Way("pop3", "", "USER " + "a" * 30, POP3Settings().login_timeout),
    "http, a head": Way(
        "http", "", "GET / HTTP/1.1\r\nX-Slow: " + "a" * 900, HTTPSettings().idle_timeout
    ),
    "http, a body": Way(
        "http",
        "POST /wildduck/authenticate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 9999\r\n\r\n",
        " ",
        HTTPSettings().idle_timeout,
    ),
}


@dataclass
class Talker:
    """One of them. `said`: octets of the rest so far."""

    way: str
    sock: socket.socket
    begun: float
    said: int = 0


@dataclass
class Slowness:
    """What came of it: seconds that each way of being slow was borne, of those who were sent away;
    the longest that somebody stayed; seconds until newcomers were greeted, by service."""

    borne: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    greeted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    readers: int = 0
    cut: int = 0
    failed: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What should not be."""
        found = list(self.failed)
        for service, waits in self.greeted.items():
            late = sorted(waits)[int(len(waits) * 0.99)]
            if late > GREETED:
                found.append(f"newcomers of {service} were greeted after {late * 1000:.0f} ms")
        for name, way in WAYS.items():
            if way.limit is not None and self.longest[name] > way.limit + SLACK:
                found.append(f"{name}: borne for {self.longest[name]:.0f} s")
        return found

    def told(self) -> list[str]:
        """Lines to print."""
        lines = [f"slow readers: {self.readers}, sent away: {self.cut}"]
        for name in WAYS:
            gone = self.borne[name]
            middle = f", after {sorted(gone)[len(gone) // 2]:.0f} s" if gone else ""
            lines.append(
                f"slow talkers, {name}: {len(gone)} sent away{middle};"
                f" the longest was there for {self.longest[name]:.0f} s"
            )
        for service, waits in self.greeted.items():
            ordered = sorted(waits)
            at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99)]
            lines.append(
                f"newcomers, {service}: {len(ordered)}, greeted after {at[0]:.1f} ms (p50),"
                f" {at[1]:.1f} ms (p99), {ordered[-1] * 1000:.1f} ms (longest)"
            )
        return lines


def slow(doors: Doors, end: Connection) -> None:
    """All of them, until a word comes; then tells what came of it."""
    found = Slowness()
    stop = threading.Event()
    thread = threading.Thread(target=knock, args=(doors, found, stop), daemon=True)
    thread.start()
    readers = [reader(doors, number) for number in range(READERS)]
    found.readers = len(readers)
    talkers: list[Talker] = []
    names = list(WAYS)
    count = 0
    while not end.poll(1.0):
        while len(talkers) < TALKERS:
            talkers.append(talker(doors, names[count % len(names)], count))
            count += 1
        talkers = [one for one in talkers if speaks(one, found)]
        taken = [channel for channel in readers if sips(channel)]
        found.cut += len(readers) - len(taken)
        readers = taken
    stop.set()
    thread.join(60)
    end.send(found)


def reader(doors: Doors, number: int) -> socket.socket:
    """Somebody who asks for much, and has room for little."""
    channel = socket.socket()
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    channel.bind((f"127.200.{number}.1", 0))
    channel.connect(("127.0.0.1", doors.ports["imap"]))
    lines = LOGIN.format(user=doors.users[0]) + "b SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n"
    channel.sendall(lines.encode())
    channel.setblocking(False)
    return channel


def sips(channel: socket.socket) -> bool:
    """Whether the reader is still served."""
    try:
        return bool(channel.recv(SIP))
    except BlockingIOError:
        return True
    except OSError:
        return False


def talker(doors: Doors, name: str, number: int) -> Talker:
    """A new one, from one of many addresses."""
    way = WAYS[name]
    source = (f"127.{210 + number % 3}.{number // 3 % 250}.{number // 750 % 250 + 1}", 0)
    channel = socket.create_connection(("127.0.0.1", doors.ports[way.service]), 30, source)
    user = doors.users[number % len(doors.users)]
    channel.sendall(way.begin.format(user=user).encode())
    channel.setblocking(False)
    return Talker(name, channel, time.monotonic())


def speaks(one: Talker, found: Slowness) -> bool:
    """Says the next byte, and reads what the server says; False when that has closed."""
    rest = WAYS[one.way].rest.encode()
    lived = time.monotonic() - one.begun
    found.longest[one.way] = max(found.longest[one.way], lived)
    try:
        one.sock.send(rest[one.said % len(rest) :][:1])
        one.said += 1
        while one.sock.recv(4096):
            continue  # what it says is of no interest
        raise ConnectionError("closed")
    except BlockingIOError:
        return True
    except OSError:
        one.sock.close()
        found.borne[one.way].append(lived)
        return False
    return True


def knock(doors: Doors, found: Slowness, stop: threading.Event) -> None:
    """Newcomers, one after the other: how long until the server says its first word."""
    number = 0
    while not stop.wait(KNOCK):
        service, port = list(doors.ports.items())[number % len(doors.ports)]
        source = (f"127.230.{number % 250}.{number // 250 % 250 + 1}", 0)
        number += 1
        start = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), 30, source) as channel:
                if service == "http":
                    channel.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                if not channel.recv(4096).startswith(WELCOME):
                    found.failed.append(f"{service}: a newcomer was sent away")
        except OSError as error:
            found.failed.append(f"{service}: a newcomer met {error}")
        found.greeted[service].append(time.monotonic() - start)
