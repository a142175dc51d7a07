"""A door between a server and what it stands on, that can be shut: a network that fails.

Carries bytes both ways between a free port of the loopback addresses and another one.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

CHUNK = 1 << 16
REFUSED = (b"PUT ", b"POST ")
"""How what is to be refused begins, where requests of HTTP are: a client sends one at a time."""
_LENGTH = b"content-length:"
_Pair = tuple[socket.socket, socket.socket]


class Gate:
    """`port`: where to connect instead. Open at first."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: set[_Pair] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._shut = False
        self._delay, self._most = 0.0, CHUNK
        self._refusal = b""
        self.refused = 0
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

    def drag(self, delay: float, most: int = CHUNK) -> None:
        """What comes through takes so many seconds, for so many octets at a time."""
        self._delay, self._most = delay, most

    def refuse(self, answer: bytes) -> None:
        """Requests of HTTP that store something get this answer, and go no further. `refused`
        counts them."""
        self._refusal, self.refused = answer, 0

    def open(self) -> None:
        """As at first."""
        with self._lock:
            self._shut = False
        self._refusal = b""
        self.drag(0.0)
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

    def _carry(self, source: socket.socket, sink: socket.socket, pair: _Pair) -> None:
        with suppress(OSError):
            while data := source.recv(self._most):
                self._flows.wait()
                time.sleep(self._delay)
                if self._refusal and source is pair[0] and data.startswith(REFUSED):
                    self._refuse(source, data)
                    break
                sink.sendall(data)
        with self._lock:
            self._pairs.discard(pair)
        for one in pair:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _refuse(self, client: socket.socket, data: bytes) -> None:
        """Hears a request to its end, as the client may not look for an answer before."""
        self.refused += 1
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH)]
        missing = int(lengths[0].removeprefix(_LENGTH)) - len(body) if lengths else 0
        while missing > 0 and (more := client.recv(CHUNK)):
            missing -= len(more)
        client.sendall(self._refusal)


class Way:
    """Gates of one node to all servers that one part of it has."""

    def __init__(self, targets: Sequence[int]) -> None:
        self._gates = [Gate(target) for target in targets]

    @property
    def ports(self) -> tuple[int, ...]:
        """Where to connect instead."""
        return tuple(gate.port for gate in self._gates)

    @property
    def refused(self) -> int:
        return sum(gate.refused for gate in self._gates)

    def shut(self) -> None:
        for gate in self._gates:
            gate.shut()

    def stall(self) -> None:
        for gate in self._gates:
            gate.stall()

    def drag(self, delay: float, most: int = CHUNK) -> None:
        for gate in self._gates:
            gate.drag(delay, most)

    def refuse(self, answer: bytes) -> None:
        for gate in self._gates:
            gate.refuse(answer)

    def open(self) -> None:
        for gate in self._gates:
            gate.open()

    def close(self) -> None:
        for gate in self._gates:
            gate.close()


def _reset(*sockets: socket.socket) -> None:
    """Ends connections as a crash of the other side does."""
    for one in sockets:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.shutdown(socket.SHUT_RDWR)
            one.close()
