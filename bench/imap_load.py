"""A lean IMAP and POP3 client for timing: it counts bytes and tagged answers, parses nothing."""

from __future__ import annotations

import re
import socket
import ssl
import time

from bench.servers import PASSWORD


class Wire:
    """A blocking line connection that times from the send to a wanted end of the answer."""

    def __init__(self, port: int, tls: bool = False, source: str = "") -> None:
        self.sock: socket.socket = socket.create_connection(
            ("127.0.0.1", port), 120, (source, 0) if source else None
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
        self._buffer = bytearray(1 << 20)
        self.received = 0

    def until(self, mark: bytes, at_line_start: bool = True) -> bytes:
        """Reads to the line that begins with `mark`; returns at most the last 64 KiB."""
        needle = b"\r\n" + mark if at_line_start else mark
        tail = b"\r\n"
        while True:
            size = self.sock.recv_into(self._buffer)
            if not size:
                raise ConnectionError(f"closed while waiting for {mark!r}: {tail[-200:]!r}")
            self.received += size
            tail = tail[-65536:] + bytes(memoryview(self._buffer)[max(0, size - 65536) : size])
            place = tail.rfind(needle)
            if place >= 0 and tail.endswith(b"\r\n"):
                return tail

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        self.sock.close()


class IMAPSession(Wire):
    """One logged-in connection."""

    def __init__(self, port: int, user: str, tls: bool = False, source: str = "") -> None:
        super().__init__(port, tls, source)
        self.until(b"* ")
        self._tag = 0
        self.command(b'LOGIN "%s" "%s"' % (user.encode(), PASSWORD.encode()))

    def command(self, line: bytes) -> tuple[float, bytes]:
        """Seconds and the end of the answer. Raises RuntimeError unless it is OK."""
        self._tag += 1
        tag = b"T%d" % self._tag
        start = time.perf_counter()
        self.send(tag + b" " + line + b"\r\n")
        answer = self.until(tag + b" ")
        taken = time.perf_counter() - start
        if tag + b" OK" not in answer:
            raise RuntimeError(f"{line!r}: {answer[-300:]!r}")
        return taken, answer

    def append(self, mailbox: bytes, message: bytes) -> None:
        """APPEND with a non-synchronizing literal where offered; both servers here offer it."""
        self.command(b"APPEND %s {%d+}\r\n%s" % (mailbox, len(message), message))

    def shrink(self) -> None:
        """Gives up the large receive buffer: for connections that only stay open."""
        self._buffer = bytearray(4096)


class IMAP:
    """Counts mail of many users, keeping a connection for each."""

    def __init__(self, port: int, domain: str = "bench.test") -> None:
        self._port = port
        self._domain = domain
        self._sessions: dict[str, IMAPSession] = {}

    def count(self, user: str) -> int:
        session = self._sessions.get(user)
        if session is None:
            session = IMAPSession(self._port, f"{user}@{self._domain}")
            self._sessions[user] = session
        found = re.search(rb"MESSAGES (\d+)", session.command(b"STATUS INBOX (MESSAGES)")[1])
        if found is None:
            raise RuntimeError("no STATUS answer")
        return int(found[1])

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()


class POP3Session(Wire):
    """One logged-in POP3 connection."""

    def __init__(self, port: int, user: str) -> None:
        super().__init__(port)
        self.until(b"+OK")
        for line in (f"USER {user}", f"PASS {PASSWORD}"):
            self.send(line.encode() + b"\r\n")
            self.until(b"+OK")

    def retrieve(self, count: int) -> float:
        """Seconds for RETR of messages 1 to `count`, one after the other as clients do."""
        start = time.perf_counter()
        for number in range(1, count + 1):
            self.send(b"RETR %d\r\n" % number)
            self.until(b".\r\n")
        return time.perf_counter() - start
