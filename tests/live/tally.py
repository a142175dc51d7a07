"""A mail server that takes everything and counts it: how often each message came for each
recipient."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections import Counter

NAME = b"Message-ID:"


class Tally:
    """Serves 127.0.0.1 at `port`, with a thread for each connection, until the `with` ends.

    `came`: (Message-ID, recipient) of all that was wholly sent, answered or not. `pause`: seconds
    before the answer to a whole message; `go_on`: while it is not set, none is answered.
    """

    def __init__(self) -> None:
        self.came: Counter[tuple[str, str]] = Counter()
        self.pause = 0.0
        self.go_on = threading.Event()
        self.go_on.set()
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    outer._converse(self)

        class Listening(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 100

        self._server = Listening(("127.0.0.1", 0), Session)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Tally:
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

    def _converse(self, session: socketserver.StreamRequestHandler) -> None:
        def say(text: bytes) -> None:
            session.wfile.write(text + b"\r\n")

        say(b"220 tally.test")
        recipients: list[str] = []
        while line := session.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipients.append(line[line.index(b"<") + 1 : line.index(b">")].decode())
            if verb == b"DATA":
                say(b"354 Go on")
                name = ""
                while (line := session.rfile.readline()) not in (b".\r\n", b""):
                    if line.startswith(NAME):
                        name = line[len(NAME) :].strip().decode()
                if not line:
                    return
                self.came.update((name, recipient) for recipient in recipients)
                recipients = []
                self.go_on.wait(60)
                time.sleep(self.pause)
            say(b"221 Bye" if verb == b"QUIT" else b"250 2.0.0 Ok")
            if verb == b"QUIT":
                return
