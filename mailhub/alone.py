"""Owns a store for one `mailhub` command, where no server runs: `python -m mailhub.alone FD DATA`.

The same parts as the server's, composed by `tap`, without listeners; it ends when its one
connection does.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from mailhub.control import wire
from mailhub.control.server import ControlFactory, ControlServer
from mailhub.model.errors import MailhubError
from mailhub.net import privileges
from mailhub.net.clock import install_monotonic
from mailhub.net.folder import DataFolder


class OnlyFactory(ControlFactory):
    """Serves one connection, then says so."""

    over: Any

    def buildProtocol(self, addr: object) -> ControlServer:
        """See IProtocolFactory."""
        server = ControlServer(self)
        lost = server.connectionLost

        def ended(*reason: Any) -> None:
            lost(*reason)
            self.over()

        server.connectionLost = ended  # type: ignore[method-assign]
        return server


def main(descriptor: int, data: str, config: str | None) -> int:
    """Serves `descriptor` on the store in `data`; an error is told there. Returns a status."""
    # Leaving by the terminal's Ctrl-C is for the command to decide: it closes the connection.
    os.setpgid(0, 0)
    channel = socket.socket(fileno=descriptor)
    folder = DataFolder(Path(data))
    try:
        privileges.seal()
        folder.make()
        folder.lock()
        _serve(channel, folder, config)
    except MailhubError as error:
        channel.sendall(wire.failed(type(error).__name__, error.text))
        return 1
    finally:
        channel.close()
    return 0


def _serve(channel: socket.socket, folder: DataFolder, config: str | None) -> None:
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    from mailhub import tap

    install_monotonic(reactor)
    parts = tap.compose_alone(folder.path, Path(config) if config else None, reactor)
    failures: list[MailhubError] = []

    async def begin() -> None:
        await parts.store.start()
        parts.hashing.start()
        factory = OnlyFactory(tap.control_services(parts), reactor, parts.log)
        factory.over = lambda: Deferred.fromCoroutine(end())
        channel.setblocking(False)
        reactor.adoptStreamConnection(channel.fileno(), socket.AF_UNIX, factory)  # type: ignore[attr-defined]
        channel.close()

    async def end() -> None:
        parts.hashing.stop()
        await parts.store.stop()
        reactor.stop()  # type: ignore[attr-defined]

    def failed(failure: Any) -> None:
        error = failure.value
        text = error.text if isinstance(error, MailhubError) else failure.getErrorMessage()
        failures.append(MailhubError(text))
        reactor.stop()  # type: ignore[attr-defined]

    reactor.callWhenRunning(  # type: ignore[attr-defined]
        lambda: Deferred.fromCoroutine(begin()).addErrback(failed)
    )
    reactor.run()  # type: ignore[attr-defined]
    if failures:
        raise failures[0]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
