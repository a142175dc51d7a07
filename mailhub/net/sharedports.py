"""Ports that several processes of one machine listen on: the system gives each connection to one of
them (SO_REUSEPORT; on Linux all of them belong to one user).

A port is taken when it is bound, and gets connections when its process can serve them: one that is
still starting would let its clients wait, though others are there. Knows no protocol.
"""

from __future__ import annotations

import socket as sockets
from typing import Any

from twisted.internet.tcp import Port


def share(bound: sockets.socket) -> None:
    """Others may bind the same address, before or after."""
    bound.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEPORT, 1)


class _Later(sockets.socket):
    """Listens when it is told to begin."""

    backlog = 0
    begun = False

    def listen(self, backlog: int = 0, /) -> None:
        self.backlog = backlog

    def begin(self) -> None:
        super().listen(self.backlog)
        self.begun = True


class SharedPort(Port):
    """Bound by `startListening`. It must not be read from before `begin`: a socket that does not
    listen looks broken to the reactor."""

    socket: _Later

    def createInternetSocket(self) -> sockets.socket:
        """See BasePort."""
        made = super().createInternetSocket()  # type: ignore[no-untyped-call]
        share(made)
        return _Later(fileno=made.detach())

    def begin(self) -> None:
        """From now on connections come. Raises OSError where somebody who does not share was there
        first."""
        self.socket.begin()

    def drain(self) -> None:
        """Takes those that came already, which would be cut off when it closes."""
        if self.socket.begun:
            self.doRead()  # type: ignore[no-untyped-call]


class SharingReactor:
    """What endpoints listen with."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> SharedPort:
        """See IReactorTCP. Raises CannotListenError."""
        made = SharedPort(port, factory, backlog, interface, self._reactor)
        made.startListening()
        made.stopReading()  # type: ignore[no-untyped-call]
        return made
