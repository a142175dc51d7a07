"""A door between a server and what it stands on, that can be shut: a network that fails.

Carries bytes both ways between a free port of the loopback addresses and another one.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

CHUNK = 1 << 16


class Gate:
    """`port`: where to connect instead. Open at first."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._shut = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def shut(self) -> None:
        """Every connection is reset, and no new one gets through."""
        with self._lock:
            self._shut = True
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _reset(*pair)

    def stall(self) -> None:
        """Connections stay, and nothing comes through: what a cable that was pulled looks like."""
        self._flows.clear()

    def open(self) -> None:
        """As at first."""
        with self._lock:
            self._shut = False
        self._flows.set()

    def close(self) -> None:
        self._listener.close()
        self.shut()
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            _reset(near)
            return
        far.settimeout(None)
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            if self._shut:
                _reset(near, far)
                return
            self._pairs.add((near, far))
        for source, sink in ((near, far), (far, near)):
            threading.Thread(
                target=self._carry, args=(source, sink, (near, far)), daemon=True
            ).start()

    def _carry(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self._flows.wait()
                sink.sendall(data)
        with self._lock:
            self._pairs.discard(pair)
        for one in pair:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _reset(*sockets: socket.socket) -> None:
    """Ends connections as a crash of the other side does."""
    for one in sockets:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.shutdown(socket.SHUT_RDWR)
            one.close()
