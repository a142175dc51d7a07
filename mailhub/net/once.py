"""One connection for one protocol, without a word in the log about it."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

P = TypeVar("P", bound=Protocol)


class Once(Factory):
    """Gives the protocol that it was made with."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """See IProtocolFactory."""
        return self._protocol


async def connected(endpoint: Any, protocol: P) -> P:
    """`protocol`, connected. Raises what the endpoint does."""
    await endpoint.connect(Once(protocol))
    return protocol
