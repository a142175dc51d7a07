"""A server that hooks call back: what it answers is the test's to say, and what it heard to see."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Facts = Mapping[str, Any]
Say = Callable[[Facts], object]
"""From the facts to a JSON value, bytes as they stand, or None for 204."""


class Callbacks:
    """Serves 127.0.0.1 at `port` until the `with` ends. `say`: what each path answers; `heard`:
    (path, facts) in order."""

    def __init__(self) -> None:
        self.say: dict[str, Say] = {}
        self.heard: list[tuple[str, Facts]] = []
        self._connections: set[socket.socket] = set()
        self._server = self._open(0)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Callbacks:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def of(self, stage: str) -> list[Facts]:
        """What was heard at this stage."""
        return [facts for _, facts in self.heard if facts["stage"] == stage]

    def forget(self) -> None:
        """Accepts everything again, and has heard nothing."""
        self.say.clear()
        self.heard.clear()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens at the port."""
        self._end()
        try:
            yield
        finally:
            self._server = self._open(self.port)
            self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _end(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _open(self, port: int) -> ThreadingHTTPServer:
        outer = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                facts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.heard.append((self.path, facts))
                said = outer.say.get(self.path, lambda facts: None)(facts)  # type: ignore[no-untyped-call]
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(204 if said is None else 200)
                if said is not None:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if said is not None:
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Tests look at `heard`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                outer._connections.add(request)
                super().process_request(request, client_address)

            def shutdown_request(self, request: Any) -> None:
                outer._connections.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients that are tired of waiting go."""

        return Server(("127.0.0.1", port), Answering)
