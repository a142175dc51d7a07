"""Delivers messages over N parallel SMTP sessions and waits until the mailboxes hold them all."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.imap_load import IMAP


def make_message(number: int, size: int) -> bytes:
    """An ordinary two-part message of about `size` bytes, unlike the others in ids and words."""
    head = (
        f"From: Sender {number} <sender{number}@example.org>\r\n"
        f"To: Recipient <recipient@bench.test>\r\n"
        f"Subject: Report {number} on the state of things\r\n"
        f"Date: Sat, 21 Nov 2026 10:{number // 60 % 60:02d}:{number % 60:02d} +0000\r\n"
        f"Message-ID: <{number}.{size}@example.org>\r\n"
        f"MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="=-{number}"\r\n\r\n'
        f"--=-{number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    tail = (
        f"\r\n--=-{number}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        f"<p>Number {number}</p>\r\n--=-{number}--\r\n"
    ).encode()
    line = f"{number} The quick brown fox jumps over the lazy dog, again and again.\r\n".encode()
    room = max(size - len(head) - len(tail), len(line))
    return head + line * (room // len(line)) + tail


@dataclass
class Session:
    """One SMTP connection's place in its dialogue. `expect`: reply lines still to come."""

    sock: socket.socket
    state: str = "greeting"
    expect: int = 1
    received: bytearray = field(default_factory=bytearray)
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    body: bytes = b""


class Delivery:
    """Sends `bodies`, one recipient each in turn from `recipients`, over `sessions` connections,
    each from the next of the addresses `sources`."""

    def __init__(
        self,
        port: int,
        sessions: int,
        recipients: Sequence[str],
        bodies: Sequence[bytes],
        *,
        sender: str = "sender@example.org",
        sources: Sequence[str] = ("127.0.0.1",),
    ) -> None:
        self._port = port
        self._sources = sources
        self._sender = sender.encode()
        self._work: Iterator[tuple[str, bytes]] = (
            (recipients[i % len(recipients)], body) for i, body in enumerate(bodies)
        )
        self._count = sessions
        self._selector = selectors.DefaultSelector()
        self._open: deque[Session] = deque()
        self.accepted = 0

    def run(self, seconds: float = 300) -> None:
        """Returns when everything was answered 250; raises on any other answer or the deadline."""
        for number in range(self._count):
            source = self._sources[number % len(self._sources)], 0
            sock = socket.create_connection(("127.0.0.1", self._port), source_address=source)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            session = Session(sock)
            self._open.append(session)
            self._selector.register(sock, selectors.EVENT_READ, session)
        deadline = time.monotonic() + seconds
        while self._open:
            if time.monotonic() > deadline:
                raise TimeoutError("the SMTP load did not end in time")
            for key, events in self._selector.select(1):
                if events & selectors.EVENT_WRITE:
                    self._push(key.data)
                if events & selectors.EVENT_READ:
                    self._read(key.data)

    def _send(self, session: Session, data: bytes) -> None:
        session.unsent = memoryview(data)
        self._push(session)

    def _push(self, session: Session) -> None:
        try:
            sent = session.sock.send(session.unsent)
        except BlockingIOError:
            sent = 0
        session.unsent = session.unsent[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.unsent else 0)
        if self._selector.get_key(session.sock).events != events:
            self._selector.modify(session.sock, events, session)

    def _read(self, session: Session) -> None:
        data = session.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed an SMTP session")
        session.received += data
        while (end := session.received.find(b"\r\n")) >= 0:
            line = bytes(session.received[:end])
            del session.received[: end + 2]
            if line[3:4] == b"-":
                continue
            wanted = b"3" if session.state == "data" and session.expect == 1 else b"2"
            if line[:1] != wanted:
                raise RuntimeError(f"{session.state}: {line!r}")
            session.expect -= 1
            if not session.expect:
                self._next(session)

    def _next(self, session: Session) -> None:
        if session.state == "greeting":
            session.state, session.expect = "ehlo", 1
            self._send(session, b"EHLO bench.example\r\n")
        elif session.state == "data":
            session.state, session.expect = "body", 1
            self._send(session, session.body)
        else:
            self.accepted += session.state == "body"
            self._mail(session)

    def _mail(self, session: Session) -> None:
        work = next(self._work, None)
        if work is None:
            self._selector.unregister(session.sock)
            session.sock.close()
            self._open.remove(session)
            return
        recipient, body = work
        session.body = body + b".\r\n"
        session.state, session.expect = "data", 3
        self._send(
            session,
            b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (self._sender, recipient.encode()),
        )


def stored(imap: IMAP, users: Sequence[str]) -> int:
    """Messages in all INBOXes; `imap` logs in as each user in turn over one port."""
    return sum(imap.count(user) for user in users)


def deliver(
    smtp: int, imap: IMAP, users: Sequence[str], sessions: int, bodies: Sequence[bytes]
) -> float:
    """Seconds from the first connection until every message stands in a mailbox.

    Every second recipient is an alias. Raises RuntimeError when the counts do not match.
    """
    before = stored(imap, users)
    recipients = [f"{user}@bench.test" for user in users]
    recipients[1::2] = [f"alias-{address}" for address in recipients[1::2]]
    start = time.monotonic()
    Delivery(smtp, sessions, recipients, bodies).run()
    waited = time.monotonic()
    while (now := stored(imap, users)) != before + len(bodies):
        if now > before + len(bodies) or time.monotonic() > waited + 120:
            raise RuntimeError(f"{len(bodies)} were accepted, {now - before} are there")
        time.sleep(0.02)
    return time.monotonic() - start
