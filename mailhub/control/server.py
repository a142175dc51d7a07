"""The control socket on Twisted: a UNIX socket that only the server's own user can reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory

from mailhub.control.acts import Services
from mailhub.control.talk import Talk
from mailhub.control.wire import Machine
from mailhub.net.stream import Stream
from mailhub.ports import Log

IDLE = 3600.0
"""Seconds; a command that waits for its person may take long."""


class ControlServer(Stream):
    """One connection."""

    machine: Machine
    talk: Talk

    def __init__(self, factory: ControlFactory) -> None:
        super().__init__(factory.reactor, IDLE)
        self.machine = Machine()
        self.talk = Talk(factory.services, self, factory.log)


class ControlFactory(Factory):
    """Makes the connections."""

    noisy = False

    def __init__(self, services: Services, reactor: Any, log: Log) -> None:
        self.services = services
        self.reactor = reactor
        self.log = log

    def buildProtocol(self, addr: IAddress | None) -> ControlServer:
        """See IProtocolFactory."""
        return ControlServer(self)


class ControlSocket:
    """Listens at `path`, 0600, while the server runs."""

    def __init__(self, factory: ControlFactory, path: Path) -> None:
        self._factory = factory
        self._path = path
        self._port: IListeningPort | None = None

    async def start(self) -> None:
        """Listens; the folder's lock is held, so what lies at the path is left over."""
        self._path.unlink(missing_ok=True)
        endpoint: Any = UNIXServerEndpoint(  # type: ignore[no-untyped-call]
            self._factory.reactor, str(self._path), mode=0o600
        )
        self._port = await endpoint.listen(self._factory)

    async def stop(self) -> None:
        """Stops listening."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()  # type: ignore[misc]
        self._path.unlink(missing_ok=True)
