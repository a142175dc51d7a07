"""A port for datagrams that reads many at a time and answers each at once.

Twisted's own looks at every address three times before it sends; without that an answer costs
half. Nothing of the DNS is known here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.internet.udp import Port
from twisted.python import log

from mailhub.net.sharedports import share

SLICE = 100
"""Datagrams that are read before others of the reactor have a turn."""
LARGEST = 4096
"""Octets of a datagram that are read."""
Address = tuple[Any, ...]
"""As the system has it: host and port first."""
Answering = Callable[[bytes, str], bytes]
"""A datagram and the host that it came from; what is sent back, empty: nothing."""


class _Quiet(DatagramProtocol):
    """A port wants a protocol; this one is never asked."""

    noisy = False


class DatagramPort(Port):
    """One address. `answering`: called for every datagram. `shared`: other processes answer there,
    too."""

    def __init__(
        self, port: int, host: str, answering: Answering, reactor: Any, shared: bool = False
    ) -> None:
        Port.__init__(self, port, _Quiet(), host, LARGEST, reactor)  # type: ignore[no-untyped-call]
        self._answering = answering
        self._shared = shared

    def createInternetSocket(self) -> socket.socket:
        """See BasePort."""
        made: socket.socket = super().createInternetSocket()
        if self._shared:
            share(made)
        return made

    def doRead(self) -> None:
        """See IReadDescriptor."""
        receive, answering, deliver = self.socket.recvfrom, self._answering, self.deliver
        for _ in range(SLICE):
            try:
                data, address = receive(LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue  # one that was sent before did not arrive
            try:
                answer = answering(data, address[0])
            except Exception:
                log.err(None, "a datagram")  # type: ignore[no-untyped-call]
                continue
            if answer:
                deliver(answer, address)

    def deliver(self, data: bytes, address: Address) -> None:
        """Sends it, or does not: whoever asked asks again."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            return
