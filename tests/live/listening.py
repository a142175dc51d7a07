"""Who hears of changes from outside: an EventSource client, a web server that webhooks tell, and an
IMAP session in IDLE; and who makes changes for them to hear of."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.live.server import Server
from tests.live.web import PASSWORD
from tests.live.wire import SMTP, Wire


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


class Stream:
    """An EventSource client: `told` has every event, `ids` every id."""

    def __init__(
        self, server: Server, user: str, last: str = "", *, token: str = "", read: bool = True
    ) -> None:
        field = f"Last-Event-ID: {last}\r\n" if last else ""
        field += f"X-Access-Token: {token}\r\n" if token else ""
        self.socket = socket.create_connection(("127.0.0.1", server.port("http")), timeout=60)
        self.socket.sendall(
            f"GET /wildduck/users/{user}/updates HTTP/1.1\r\nHost: localhost\r\n"
            f"Accept: text/event-stream\r\n{field}\r\n".encode()
        )
        self.heard = b""
        self.ended_at = 0.0
        if read:
            threading.Thread(target=self._read, daemon=True).start()
            until(lambda: b": hello" in self.heard or bool(self.ended_at))

    def _read(self) -> None:
        try:
            while data := self.socket.recv(65536):
                self.heard += data
                if self.heard.endswith(b"\r\n0\r\n\r\n"):  # the answer's last chunk
                    break
        except OSError:
            pass
        self.ended_at = time.monotonic()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(data) for data in re.findall(rb"^data: (.*)$", self.heard, re.M)]

    @property
    def ids(self) -> list[str]:
        return [one.decode() for one in re.findall(rb"^id: ([0-9a-f]+)", self.heard, re.M)]

    @property
    def words(self) -> list[str]:
        """Commands that are about messages."""
        return [one["command"] for one in self.told if one["command"] != "COUNTERS"]

    def close(self) -> None:
        self.socket.close()


class Receiver:
    """An application's web server that webhooks tell: `told` has every body, once verified."""

    def __init__(self, port: int = 0) -> None:
        told: list[dict[str, Any]] = []
        requests: list[tuple[dict[str, str], bytes]] = []

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                told.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.told, self.requests = told, requests
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Taking)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def words(self) -> list[str]:
        return [one["data"]["command"] for one in self.told]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Idle(Wire):
    """An IMAP session in IDLE; `words`: what it was told, in the words of events."""

    def __init__(self, server: Server, address: str) -> None:
        super().__init__(server.port("imap", "starttls"))
        self.told: list[bytes] = []
        self.line()
        for command in (f"LOGIN {address} {PASSWORD}", "SELECT INBOX", "IDLE"):
            self.send(f"a {command}\r\n".encode())
            while not (line := self.line()).startswith((b"a OK", b"+ ")):
                assert line.startswith(b"*"), line
        threading.Thread(target=self._read_on, daemon=True).start()

    def _read_on(self) -> None:
        try:
            while line := self.line():
                self.told.append(line)
        except OSError:
            return

    @property
    def words(self) -> list[str]:
        found = (re.match(rb"\* \d+ (EXISTS|EXPUNGE|FETCH)", line) for line in self.told)
        return [one[1].decode() for one in found if one]


def deliver(server: Server, address: str, count: int = 1) -> None:
    with SMTP(server.port("smtp")) as smtp:
        for number in range(count):
            smtp.begin(address.encode())
            answer = smtp.say(b"Subject: %d\r\n\r\nhello\r\n." % number)
            assert answer[:3] == b"250", answer


def imap(server: Server, address: str, *commands: str) -> None:
    """Another session of the account does this in its INBOX."""
    with Wire(server.port("imap", "starttls")) as wire:
        wire.line()
        for command in (f"LOGIN {address} {PASSWORD}", "SELECT INBOX", *commands, "LOGOUT"):
            wire.send(f"a {command}\r\n".encode())
            while not (line := wire.line()).startswith(b"a "):
                assert line, command
            assert line.startswith(b"a OK"), line
