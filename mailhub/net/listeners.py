"""Listening: endpoint strings, PROXY headers, TLS from the first byte, limits, graceful ends.

The order on a connection is socket, PROXY header, limits, TLS, face. Knows no protocol: what a
refused client reads is given by who composes the server.
"""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailhub.model.errors import Invalid, MailhubError
from mailhub.model.settings import ListenerSettings
from mailhub.net import proxy
from mailhub.net.admission import Admission, Descriptors, Ticket
from mailhub.net.sharedports import SharedPort, SharingReactor
from mailhub.net.tls import Certificates
from mailhub.ports import Log
from mailhub.wire.networks import Networks, plain

BACKLOG = 512
"""Connections the kernel keeps waiting for us; Twisted's own 50 is lost in a burst."""
PROXY_TIMEOUT = 10.0
"""Seconds a proxy has for its header."""
QUEUED = 64
"""Turns in which connections are taken that wait when a listener is to close."""
ABRUPT = 1.0
"""Seconds at shutdown for sessions that cannot say goodbye (HTTP): requests in progress end."""
SOCKET_PATH_LIMIT = 107
"""Bytes of the longest UNIX socket path on Linux."""


class CannotListen(MailhubError):
    """A listener could not be opened; the text names its endpoint and the setting it is from."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all listeners of a process have in common."""

    reactor: Any
    certificates: Certificates
    admission: Admission
    descriptors: Descriptors
    log: Log
    data: Path
    ports: bool = False
    """Whether other processes listen on the same ports, too."""


class Listener(Factory):
    """One `[[listener]]`, from its endpoint string to sessions of a face.

    It is bound first, perhaps as root, and given the face later (`serve`); until then nobody is
    accepted. `refusal`: what a client over a limit is told before the connection is closed.
    """

    noisy = False

    sessions: Any

    def __init__(self, settings: ListenerSettings, refusal: bytes, shared: Shared) -> None:
        self.settings = settings
        self.shared = shared
        self.refusal = refusal
        self.entries: set[Entry] = set()
        self._proxies = Networks(settings.proxy_from)
        self._port: Any = None
        self._emptied: Deferred[None] | None = None
        self._face: Any = None

    # -- opening and closing

    async def open(self) -> None:
        """Binds; what connects waits in the kernel's queue. Raises CannotListen."""
        description = self._description()
        try:
            reactor = self.shared.reactor
            if self.shared.ports and description.startswith("tcp"):
                reactor = SharingReactor(reactor)
            endpoint = serverFromString(reactor, description)  # type: ignore[no-untyped-call]
            self._port = await endpoint.listen(self)
            self.pause()
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise CannotListen(self._refused(reason)) from error
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise CannotListen(self._refused(str(error))) from error

    def serve(self, face: Any) -> None:
        """Accepts connections from now on, as sessions of the factory `face`. Raises CannotListen
        where another process took a port that is to be shared."""
        shared = self.shared
        self._face = face
        implicit = self.settings.tls == "implicit"
        self.sessions = shared.certificates.implicit(face, shared.reactor) if implicit else face
        if isinstance(self._port, SharedPort):
            try:
                self._port.begin()
            except OSError as error:
                raise CannotListen(self._refused(error.strerror or str(error))) from error
        self.resume()

    async def close(self) -> None:
        """No new connections; those that stand go on."""
        port, self._port = self._port, None
        if isinstance(port, SharedPort) and port.connected:
            port.drain()
        if port is not None:
            await port.stopListening()

    @property
    def answers_on(self) -> bool:
        """Whether it is kept open while the server drains: who asks for its health must hear it."""
        return self.settings.service == "http"

    async def drain(self) -> None:
        """No new sessions; those that wait in the kernel's queue are taken before it closes. One
        that `answers_on` goes on, with one answer a connection."""
        if self.answers_on:
            self._face.drain()
            return
        port: Any = self._port
        for _ in range(QUEUED if port is not None else 0):
            before = len(self.entries)
            port.doRead()
            if len(self.entries) == before:
                break
            turn: Deferred[None] = Deferred()
            self.shared.reactor.callLater(0, turn.callback, None)
            await turn
        await self.close()

    def retire(self) -> None:
        """Every session ends when its current answer does."""
        for entry in list(self.entries):
            entry.retire()

    def emptied(self) -> Deferred[None]:
        """Fires when no session is left."""
        done: Deferred[None] = Deferred()
        if self.entries:
            self._emptied = done
        else:
            done.callback(None)
        return done

    def abort(self) -> None:
        """Cuts what is still connected."""
        for entry in list(self.entries):
            entry.abort()

    def pause(self) -> None:
        """Leaves new connections in the kernel's queue."""
        if self._port is not None:
            self._port.stopReading()

    def resume(self) -> None:
        """Takes them again."""
        if self._port is not None:
            self._port.startReading()

    def describe(self) -> dict[str, object]:
        """What `var/run/mailhub.json` says of this listener. Only while it is open."""
        assert self._port is not None
        host = self._port.getHost()
        about: dict[str, object] = {"service": self.settings.service, "tls": self.settings.tls}
        if isinstance(host, (IPv4Address, IPv6Address)):
            about |= {"address": host.host, "port": host.port}
        else:
            name = host.name
            about |= {"address": "unix", "path": os.path.abspath(os.fsdecode(name))}
        if self.settings.service == "http":
            about["root"] = self.settings.root
        return about

    def _description(self) -> str:
        """The endpoint string with our defaults: a longer backlog, socket paths under `data`."""
        description = self.settings.endpoint
        kind, _, rest = description.partition(":")
        if kind == "unix":
            path, *options = rest.split(":")
            full = self.shared.data / path.removeprefix("address=")
            if len(os.fsencode(full)) > SOCKET_PATH_LIMIT:
                raise CannotListen(
                    self._refused(f"the path is longer than {SOCKET_PATH_LIMIT} bytes")
                )
            self._clear_stale(full)
            escaped = str(full).replace("\\", "\\\\").replace(":", "\\:")
            description = ":".join(["unix", escaped, *options])
        if kind in ("tcp", "tcp6", "unix") and "backlog=" not in description:
            description += f":backlog={BACKLOG}"
        return description

    def _clear_stale(self, path: Path) -> None:
        """Removes a socket that nobody listens on: a server that was killed leaves it behind."""
        try:
            if not stat.S_ISSOCK(path.stat().st_mode):
                return
        except OSError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                return

    def _refused(self, reason: str) -> str:
        return (
            f"Cannot listen on {self.settings.endpoint} for {self.settings.service}: {reason}. "
            f'It is set by the [[listener]] with endpoint = "{self.settings.endpoint}"'
        )

    # -- connections

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """The first protocol of an accepted socket."""
        if not self.shared.descriptors.take():
            return None
        assert addr is not None
        if self._proxies and _address(addr) in self._proxies:
            return ProxyEntry(self, addr)
        return Entry(self, addr)

    def left(self, entry: Entry) -> None:
        """An entry's connection is gone."""
        self.entries.discard(entry)
        self.shared.descriptors.give()
        if not self.entries and self._emptied is not None:
            self._emptied.callback(None)
            self._emptied = None


def _address(addr: IAddress) -> str:
    host = getattr(addr, "host", None)
    return "unix" if host is None else plain(host)


@implementer(IHandshakeListener)
class Entry(Protocol):
    """Stands between an accepted socket and its session: counts it in and out.

    Its `dataReceived` becomes the session's own, so it costs nothing per read.
    """

    def __init__(self, listener: Listener, addr: IAddress) -> None:
        self._listener = listener
        self._addr = addr
        self._ticket: Ticket | None = None
        self._inner: IProtocol | None = None

    def connectionMade(self) -> None:
        self._listener.entries.add(self)
        self._admit()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._ticket is not None:
            self._listener.shared.admission.leave(self._ticket)
            self._ticket = None
        self._listener.left(self)
        self.__dict__.pop("dataReceived", None)  # ends the cycle with the session
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.connectionLost(reason)

    def handshakeCompleted(self) -> None:
        """TLS that was begun later stands; a session that waits for it is told."""
        inner: Any = self._inner
        if IHandshakeListener.providedBy(inner):
            inner.handshakeCompleted()

    def retire(self) -> None:
        """Asks the session to end in good order; one that cannot is left to finish alone."""
        session = self._session()
        if session is None:
            self.abort()
        else:
            retire = getattr(session, "retire", None)
            if retire is not None:
                retire()
            else:
                reactor = self._listener.shared.reactor
                reactor.callLater(ABRUPT, self._end)

    def drain(self) -> None:
        """Asks the session to end when nothing is under way in it."""
        session = self._session()
        if hasattr(session, "drain"):
            session.drain()
        else:
            self.retire()

    def _end(self) -> None:
        if self._inner is not None:
            self.transport.loseConnection()  # type: ignore[union-attr]

    def abort(self) -> None:
        """Cuts the connection."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _session(self) -> Any:
        inner: Any = self._inner
        return getattr(inner, "wrappedProtocol", inner)

    def _admit(self) -> None:
        listener = self._listener
        address = _address(self._addr)
        self._ticket = listener.shared.admission.enter(listener.settings.service, address)
        if self._ticket is None:
            self._refuse(address)
            return
        inner = listener.sessions.buildProtocol(self._addr)
        if inner is None:
            self.transport.loseConnection()  # type: ignore[union-attr]
            return
        self._inner = inner
        self.dataReceived = inner.dataReceived  # type: ignore[method-assign]
        inner.makeConnection(self.transport)

    def _refuse(self, address: str) -> None:
        """Says why where that costs no handshake, and closes."""
        listener = self._listener
        listener.shared.log.event(
            "connect", service=listener.settings.service, peer=address, outcome="too many"
        )
        if listener.settings.tls != "implicit":
            self.transport.write(listener.refusal)  # type: ignore[union-attr]
        self.transport.loseConnection()  # type: ignore[union-attr]


class ProxyEntry(Entry):
    """An entry whose peer must say first for whom it speaks."""

    def __init__(self, listener: Listener, addr: IAddress) -> None:
        super().__init__(listener, addr)
        self._head = b""
        self._timer: Any = None

    def connectionMade(self) -> None:
        self._listener.entries.add(self)
        reactor = self._listener.shared.reactor
        self._timer = reactor.callLater(PROXY_TIMEOUT, self.abort)

    def dataReceived(self, data: bytes) -> None:
        self._head += data
        try:
            header = proxy.parse(self._head)
        except Invalid as error:
            self._listener.shared.log.event(
                "proxy", peer=_address(self._addr), outcome="refused", reason=error.text
            )
            self.abort()
            return
        if header is None:
            return
        self._cancel()
        rest, self._head = self._head[header.length :], b""
        if header.source:
            self._speak_for(header)
        self._admit()
        if rest and self._inner is not None:
            self._inner.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cancel()
        super().connectionLost(reason)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _speak_for(self, header: proxy.Proxied) -> None:
        """From here on the transport reports the addresses of the header."""
        kind = IPv6Address if ":" in header.source else IPv4Address
        peer = kind("TCP", header.source, header.source_port)
        host = kind("TCP", header.destination, header.destination_port)
        self._addr = peer
        transport: Any = self.transport
        transport.getPeer = lambda: peer
        transport.getHost = lambda: host
