"""A mail server that makes of each recipient what its name says, for mail that has to wait.

`later…` is put off, `never…` refused, `slow…` answered when the test says so; others are taken.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Taken:
    """A message as it came. `text`: behind DATA, with CRLF and dots as they were sent."""

    sender: str
    recipients: tuple[str, ...]
    text: bytes


@dataclass
class Bumpy:
    """Serves 127.0.0.1 at `port` from a thread for each connection, until the `with` ends.

    `taken`: what was taken, in order. `go_on`: set by the test to answer the slow ones.
    """

    taken: list[Taken] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0

    def __enter__(self) -> Bumpy:
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    _converse(outer, self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Session)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def answer(self, recipient: str) -> bytes:
        """What RCPT gets."""
        if recipient.startswith("slow"):
            self.waiting += 1
            self.go_on.wait(60)
        if recipient.startswith("later"):
            return b"451 4.3.0 Come back later\r\n"
        if recipient.startswith("never"):
            return b"550 5.1.1 Nobody of that name\r\n"
        return b"250 2.1.5 Ok\r\n"


def _converse(server: Bumpy, session: socketserver.StreamRequestHandler) -> None:
    say = session.wfile.write
    say(b"220 bumpy.test ESMTP\r\n")
    sender, recipients = "", list[str]()
    while line := session.rfile.readline():
        verb = line[:4].upper()
        if verb == b"MAIL":
            sender, recipients = _address(line), []
            say(b"250 2.1.0 Ok\r\n")
        elif verb == b"RCPT":
            answer = server.answer(_address(line))
            if answer.startswith(b"250"):
                recipients.append(_address(line))
            say(answer)
        elif verb == b"DATA" and recipients:
            say(b"354 Go on\r\n")
            lines = []
            while (line := session.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            text = b"".join(lines)
            server.taken.append(Taken(sender, tuple(recipients), text))
            say(b"250 2.0.0 Taken\r\n")
        elif verb == b"QUIT":
            say(b"221 2.0.0 Bye\r\n")
            return
        else:
            say(b"503 5.5.1 No recipients\r\n" if verb == b"DATA" else b"250 2.0.0 Ok\r\n")


def _address(line: bytes) -> str:
    return line[line.index(b"<") + 1 : line.index(b">")].decode()
