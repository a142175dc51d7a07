"""Makes the SMTP client's connections, on Twisted, and looks after their number and deadlines.

An address that did not answer is let alone for a while, and only so many are asked at a time: a
dead server costs one wait and not one for each message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet import error as errors
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IAddress, IConnector, IDelayedCall
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from mailhub.model.route import Hop
from mailhub.model.settings import SenderSettings
from mailhub.smtp.sender.connection import Connection, Keeper, words
from mailhub.smtp.sender.link import Lost
from mailhub.smtp.sender.tls import Trust

TICK = 0.25
"""Seconds between two looks at all deadlines: one timer for all connections."""
SMTP_PORT = 25
MOST_AWAY = 10_000
"""Addresses that are remembered for not having answered."""


class TCPDialer:
    """`link.Dialer`. `make_room`: closes an idle connection, when all are taken."""

    def __init__(
        self, reactor: Any, settings: SenderSettings, make_room: Callable[[], None]
    ) -> None:
        self.trust = Trust(settings.trusted)
        self.seconds: Callable[[], float] = reactor.seconds
        self._reactor = reactor
        self._settings = settings
        self._make_room = make_room
        self._slots = DeferredSemaphore(settings.connections)
        self._doors: dict[tuple[str, int], DeferredSemaphore] = {}
        self._away: dict[tuple[str, int], float] = {}
        self._connections: set[Connection] = set()
        self._timer: IDelayedCall | None = None
        self._empty: Deferred[None] | None = None
        self._stopped = False

    async def connect(self, hop: Hop, address: str, until: float) -> Connection:
        """See Dialer."""
        key = (address, hop.port)
        self._check(key)
        door = self._doors.get(key)
        if door is None:
            door = self._doors[key] = DeferredSemaphore(self._settings.attempts_per_address)
        await self._enter(door, until)
        try:
            self._check(key)
            return await self._connect(hop, address, until)
        finally:
            door.release()
            if door.tokens == door.limit:
                self._doors.pop(key, None)

    async def _connect(self, hop: Hop, address: str, until: float) -> Connection:
        if not self._slots.tokens:
            self._make_room()
        await self._enter(self._slots, until)
        try:
            connection = await self._from_a_source(hop, address, until)
        except BaseException:
            self._slots.release()
            raise
        connection.until = connection.deadline = until
        self._connections.add(connection)
        if self._timer is None:
            self._timer = self._reactor.callLater(TICK, self._look)
        return connection

    async def _enter(self, semaphore: DeferredSemaphore, until: float) -> None:
        """Waits for a place. Raises Lost."""
        if semaphore.tokens:
            await semaphore.acquire()
            return
        place = semaphore.acquire()
        place.addTimeout(max(0.0, until - self.seconds()), self._reactor)
        try:
            await place
        except errors.TimeoutError:
            raise Lost("4.4.5", "too many connections are open") from None

    def _check(self, key: tuple[str, int]) -> None:
        """Raises Lost for an address that is let alone, and once there was a stop."""
        if self._stopped:
            raise Lost("4.3.2", "this server stops")
        until = self._away.get(key)
        if until is None:
            return
        if until > self.seconds():
            raise Lost("4.4.1", f"{spelled(*key)} did not answer shortly before")
        del self._away[key]

    async def _from_a_source(self, hop: Hop, address: str, until: float) -> Connection:
        """From the first local address that can be bound."""
        failure = "no local address of its kind"
        for source in sources(hop, address):
            try:
                return await self._dial(address, hop.port, source, until)
            except errors.ConnectBindError as error:
                failure = f"{source}: {error}"
        raise Lost("4.3.5", f"{spelled(address, hop.port)}: {failure}")

    async def _dial(self, address: str, port: int, source: str, until: float) -> Connection:
        timeout = min(self._settings.connect_timeout, max(0.1, until - self.seconds()))
        whom = spelled(address, port)
        factory = Once(self, address)
        factory.connector = self._reactor.connectTCP(
            address,
            port,
            factory,
            timeout=timeout,
            bindAddress=(source, 0) if source else None,
        )
        try:
            return await factory.made
        except errors.ConnectBindError:
            raise
        except (errors.TimeoutError, errors.TCPTimedOutError):
            self._let_alone((address, port))
            raise Lost("4.4.1", f"{whom}: no connection within {timeout:g} seconds") from None
        except errors.ConnectError as error:
            raise Lost("4.4.1", f"{whom}: {words(error)}") from None

    def _let_alone(self, key: tuple[str, int]) -> None:
        if self._settings.away > 0:
            while len(self._away) >= MOST_AWAY:
                del self._away[next(iter(self._away))]
            self._away[key] = self.seconds() + self._settings.away

    # -- the connections there are

    def ended(self, connection: Connection) -> None:
        """See Keeper."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._slots.release()
        if not self._connections and self._empty is not None:
            self._empty.callback(None)
            self._empty = None

    def _look(self) -> None:
        self._timer = None
        now = self.seconds()
        for connection in [one for one in self._connections if one.deadline <= now]:
            connection.expired()
        if self._connections:
            self._timer = self._reactor.callLater(TICK, self._look)

    async def stop(self, seconds: float) -> None:
        """Ends when no connection is left; those that are after `seconds` are cut."""
        self._stopped = True
        if self._connections:
            self._empty = Deferred()
            cut = self._reactor.callLater(seconds, self._cut)
            await self._empty
            if cut.active():
                cut.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()


def pause() -> Deferred[bool]:
    """See `pool.Pause`."""
    return Deferred()


def sources(hop: Hop, address: str) -> Sequence[str]:
    """Local addresses of the remote one's family; an empty one is the system's choice."""
    if not hop.sources:
        return ("",)
    return [source for source in hop.sources if (":" in source) == (":" in address)]


def spelled(address: str, port: int) -> str:
    """Whom we called, for people: the port where it is not the usual one."""
    if port == SMTP_PORT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Once(ClientFactory):
    """Makes one connection, and tells of it or of what kept it away."""

    noisy = False
    connector: IConnector | None = None

    def __init__(self, keeper: Keeper, address: str) -> None:
        self._keeper = keeper
        self._address = address
        self._over = False
        self.made: Deferred[Connection] = Deferred(self._cancelled)

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """The connection."""
        return Connection(self._keeper, self._address, self.made.callback)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """It came to nothing."""
        if not self._over:
            self.made.errback(reason)

    def _cancelled(self, _: Deferred[Connection]) -> None:
        self._over = True
        if self.connector is not None:
            self.connector.disconnect()
