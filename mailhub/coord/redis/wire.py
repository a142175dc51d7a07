"""txredisapi's protocol with a bound on every answer; its pools and reconnecting are not used.

They give up for good when a password or a database is refused once, and verify no certificate.
Knows commands and answers, not what they are for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import txredisapi
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable

Reply = Any
"""bytes, int, None, or a list of them; a status is str or bytes, as the parser in use has it."""


class Refused(Unavailable):
    """Redis answered with an error. `reason`: its words, for the log alone."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    @property
    def code(self) -> str:
        """The error's first word, such as READONLY."""
        return self.reason.split(" ", 1)[0]


class Wire(txredisapi.RedisProtocol):  # type: ignore[misc]
    """One connection. An answer that takes longer than `timeout` ends it, and with it all calls
    that wait: answers come in order, so none of them would come sooner."""

    def __init__(self, reactor: Any, timeout: float) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self.ended: Deferred[str] = Deferred()
        """Fires with the reason when the connection is gone."""
        self.why = ""
        self._reactor = reactor
        self.timeout = timeout
        self._slow = False

    async def ask(self, *words: str | bytes | int) -> Reply:
        """The answer to one command. Raises Refused, Unavailable (too late, or no connection)."""
        try:
            reply = self.execute_command(*words)
            timer = self._reactor.callLater(self.timeout, self._give_up)
            try:
                return await reply
            finally:
                if timer.active():
                    timer.cancel()
        except txredisapi.ResponseError as error:
            raise Refused(str(error)) from None
        except txredisapi.RedisError:
            raise Unavailable from None

    def drop(self) -> None:
        """Ends the connection at once."""
        if self.transport is not None:
            self.transport.abortConnection()

    def _give_up(self) -> None:
        self._slow = True
        self.drop()

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """What is no Redis on the other side ends the connection, not in a traceback."""
        try:
            super().dataReceived(data, unpause)
        except Exception:
            self.drop()

    def connectionLost(self, reason: Failure) -> None:
        """Fails what waits, then tells why."""
        slow = f"no answer within {self.timeout:g} s"
        self.why = slow if self._slow else reason.getErrorMessage()
        super().connectionLost(reason)
        if not self.ended.called:
            self.ended.callback(self.why)


class Ear(txredisapi.SubscriberProtocol, Wire):  # type: ignore[misc]
    """A connection that listens on channels. `heard`: called with channel and message."""

    def __init__(self, reactor: Any, timeout: float, heard: Callable[[bytes, bytes], None]) -> None:
        super().__init__(reactor, timeout)
        self._heard = heard

    def messageReceived(self, pattern: object, channel: bytes, message: bytes) -> None:
        """See SubscriberProtocol."""
        self._heard(channel, message)
