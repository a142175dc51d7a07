"""Owns a store for one `mailhub` command, where no server runs: `python -m mailhub.alone FD DATA`.

The same parts as the server's, composed by `commanded`, without listeners; it ends when its one
connection does.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from mailhub import commanded, libraries, reporting, sending
from mailhub.config import load
from mailhub.control import wire
from mailhub.control.server import ControlFactory, ControlServer
from mailhub.model.errors import MailhubError
from mailhub.model.settings import Settings
from mailhub.net import privileges
from mailhub.net.clock import install_monotonic
from mailhub.net.folder import DataFolder
from mailhub.service import Step, maybe


class OnlyServer(ControlServer):
    """The one connection."""

    def __init__(self, factory: OnlyFactory) -> None:
        super().__init__(factory)
        self._over = factory.over

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._over()


class OnlyFactory(ControlFactory):
    """Makes it. `over`: called when it is gone."""

    over: Callable[[], object]

    def buildProtocol(self, addr: object) -> ControlServer:
        """See IProtocolFactory."""
        return OnlyServer(self)


def main(descriptor: int, data: str, config: str | None) -> int:
    """Serves `descriptor` on the store in `data`; an error is told there. Returns a status."""
    # Leaving by the terminal's Ctrl-C is for the command to decide: it closes the connection.
    os.setpgid(0, 0)
    channel = socket.socket(fileno=descriptor)
    folder = DataFolder(Path(data))
    try:
        settings = replace(load(Path(config) if config else None), data=data)
        libraries.load(settings)
        privileges.seal()
        folder.make()
        privileges.become_owner(folder.path)
        folder.lock()
        _serve(channel, settings)
    except MailhubError as error:
        channel.sendall(wire.failed(type(error).__name__, error.text))
        return 1
    finally:
        channel.close()
    return 0


def _serve(channel: socket.socket, settings: Settings) -> None:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    install_monotonic(reactor)
    parts = commanded.compose_alone(settings, reactor)
    failures: list[MailhubError] = []

    started: list[Step] = []

    async def begin() -> None:
        for step in parts.steps:
            await maybe(step.start())
            started.append(step)
        reports = reporting.compose(parts)
        services = commanded.services(parts, sending.ways_alone(parts), reports)
        factory = OnlyFactory(services, reactor, parts.log)
        factory.over = lambda: Deferred.fromCoroutine(end())
        channel.setblocking(False)
        reactor.adoptStreamConnection(channel.fileno(), socket.AF_UNIX, factory)
        channel.close()

    async def end() -> None:
        try:
            while started:
                await maybe(started.pop().stop())
        finally:
            reactor.stop()

    def failed(failure: Any) -> Any:
        # What runs already has threads that would keep the process, and the command with it.
        error = failure.value
        text = error.text if isinstance(error, MailhubError) else failure.getErrorMessage()
        failures.append(MailhubError(text))
        return Deferred.fromCoroutine(end())

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(begin()).addErrback(failed))
    reactor.run()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
