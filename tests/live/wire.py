"""A raw connection for tests that say exactly these bytes: smuggling, bombs, broken grammar."""

from __future__ import annotations

import socket
import ssl
import time


class Wire:
    """One TCP connection to the server under test. `timeout`: seconds for every read."""

    def __init__(self, port: int, timeout: float = 30.0, source: str = "127.0.0.1") -> None:
        self.sock: socket.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=timeout, source_address=(source, 0)
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> bytes:
        """The next line without its end; empty bytes at the end of the stream."""
        while b"\r\n" not in self._buffer:
            if not self._read():
                rest, self._buffer = self._buffer, b""
                return rest
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size and self._read():
            pass
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _read(self) -> bytes:
        """More bytes into the buffer; empty when the server closed."""
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        return data

    def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)

    def closed(self, seconds: float = 20.0) -> bool:
        """Whether the server ends the connection in that time; what it still says is dropped."""
        self.sock.settimeout(0.2)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if not self.sock.recv(65536):
                    return True
            except TimeoutError:
                continue
            except OSError:
                return True
        return False

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SMTP(Wire):
    """SMTP with replies read whole."""

    def __init__(
        self, port: int, hello: bytes = b"EHLO attacker.example", **options: object
    ) -> None:
        super().__init__(port, **options)  # type: ignore[arg-type]
        self.greeting = self.reply()
        if hello:
            self.hello = self.say(hello)

    def reply(self) -> bytes:
        """All lines of one reply, joined by newlines; empty at the end of the stream."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if line[3:4] != b"-":
                return b"\n".join(lines)

    def say(self, line: bytes) -> bytes:
        self.send(line + b"\r\n")
        return self.reply()

    def begin(self, recipient: bytes, sender: bytes = b"attacker@example.org") -> None:
        """Up to the 354."""
        assert self.say(b"MAIL FROM:<%s>" % sender)[:3] == b"250"
        answer = self.say(b"RCPT TO:<%s>" % recipient)
        assert answer[:3] == b"250", answer
        assert self.say(b"DATA")[:3] == b"354"


class IMAP(Wire):
    """IMAP with answers read whole, literals included."""

    def __init__(self, port: int, user: str = "", password: str = "", **options: object) -> None:
        super().__init__(port, **options)  # type: ignore[arg-type]
        self.greeting = self.line()
        self._tag = 0
        if user:
            status = self.say(b'LOGIN "%s" "%s"' % (user.encode(), password.encode()))[-1]
            assert b" OK" in status, status

    def say(self, command: bytes) -> list[bytes]:
        """Every line of the answer to `command`, the tagged one last."""
        self._tag += 1
        tag = b"a%d" % self._tag
        self.send(tag + b" " + command + b"\r\n")
        return self.until(tag)

    def until(self, tag: bytes) -> list[bytes]:
        lines: list[bytes] = []
        while True:
            line = self.whole_line()
            lines.append(line)
            if line.startswith(tag + b" ") or not line:
                return lines

    def whole_line(self) -> bytes:
        line = self.line()
        while line.endswith(b"}") and (start := line.rfind(b"{")) >= 0:
            size = line[start + 1 : -1]
            if not size.isdigit():
                break
            line += b"\r\n" + self.exactly(int(size)) + self.line()
        return line
