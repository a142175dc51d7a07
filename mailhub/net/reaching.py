"""Whether somebody listens somewhere, as `ports.Reach`: connects, maybe hears a line, hangs up.

Sends nothing, and knows nothing of what is said.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.net.once import connected

LINE = 512
"""Octets of a greeting (RFC 5321 4.5.3.1.5)."""


class EndpointReach:
    """`ports.Reach`. `seconds`: for the connection, and again for the greeting."""

    def __init__(self, reactor: Any, seconds: float = 8.0) -> None:
        self._reactor = reactor
        self._seconds = seconds

    async def reach(self, endpoint: str, *, greeted: bool = False) -> bytes:
        """See `ports.Reach`."""
        try:
            client = clientFromString(self._reactor, endpoint)  # type: ignore[no-untyped-call]
        except ValueError:
            raise Unavailable(f"{endpoint} is no place to connect to") from None
        work = Deferred.fromCoroutine(self._heard(client, greeted))
        try:
            return await work.addTimeout(self._seconds, self._reactor, _late)
        except ConnectError as error:
            raise Unavailable(_words(error)) from None
        except OSError as error:
            raise Unavailable(error.strerror or type(error).__name__) from None

    async def _heard(self, client: Any, greeted: bool) -> bytes:
        visit = await connected(client, _Visit())
        try:
            return await visit.line if greeted else b""
        finally:
            visit.leave()


class _Visit(Protocol):
    """A connection on which one line is heard."""

    def __init__(self) -> None:
        self.line: Deferred[bytes] = Deferred()
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if (b"\n" in self._data or len(self._data) >= LINE) and not self.line.called:
            self.line.callback(self._data.partition(b"\n")[0].rstrip(b"\r")[:LINE])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.line.called:
            self.line.callback(b"")

    def leave(self) -> None:
        """Hangs up."""
        transport: Any = self.transport
        transport.loseConnection()


def _words(error: ConnectError) -> str:
    """What the system says, without its number and without Twisted's words before it."""
    return str(error).rpartition(": ")[2].rstrip(".")


def _late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure) and result.check(CancelledError):  # type: ignore[no-untyped-call]
        raise Unavailable(f"No answer in {seconds:g} s")
    return result
