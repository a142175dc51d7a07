"""Server TLS: which certificate a client gets, and reloading them without dropping a session.

`Certificates` owns the files; what it gives to transports is one context factory that always
answers with the newest. Connections keep the context they began with. Knows no protocol.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.task import LoopingCall
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mailhub.model.certificate import Certificate, best
from mailhub.model.errors import Invalid
from mailhub.model.settings import TLSSettings
from mailhub.net.certificate import Pair
from mailhub.net.certificate_files import CertificateFolder
from mailhub.ports import Log

POLL = 5.0
"""Seconds between looks at the files' times."""
CIPHERS = b":".join(
    [
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES256-GCM-SHA384",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
    ]
)
"""TLS 1.2: forward secrecy and AEAD alone (RFC 9325 section 4.2); 1.3 has nothing weaker."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """What one load of the files made: the default, and the others by DNS name."""

    default: SSL.Context
    names: dict[str, SSL.Context]

    def named(self, name: str) -> SSL.Context | None:
        """For a server name (RFC 6066): the exact one, else the wildcard one label up."""
        name = name.lower().rstrip(".")
        found = self.names.get(name)
        if found is None:
            found = self.names.get("*." + name.partition(".")[2])
        return found


class Certificates:
    """The server's certificates. `data`: below which they are kept. `hostname`: the server's."""

    def __init__(
        self,
        settings: TLSSettings,
        data: Path,
        hostname: str,
        log: Log,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._files = CertificateFolder(settings, data, hostname, log)
        self._hostname = hostname.lower()
        self._log = log
        self._now = now
        self._contexts: Contexts | None = None
        self._until = math.inf
        self._poll: LoopingCall | None = None
        self._factory = ContextFactory(self._current)

    def load(self) -> None:
        """Reads every file. Raises Invalid where the default pair is unusable; another bad pair
        is logged and left out."""
        loaded = self._files.load()
        now = self._now()
        made = {one.facts.id: make_context(one.pair) for one in loaded}
        facts = [one.facts for one in loaded]
        names: dict[str, SSL.Context] = {}
        for name in {name for one in facts for name in one.names}:
            found = best(self._fit(name, facts), name, now)
            if found is not None:
                names[name] = made[found.id]
        first = best(self._fit(self._hostname, facts), self._hostname, now) or facts[0]
        contexts = Contexts(made[first.id], names)
        for context in made.values():
            context.set_tlsext_servername_callback(_choose(contexts))
        self._contexts = contexts
        self._until = min((one.ends for one in facts if one.ends > now), default=math.inf)
        ends = datetime.fromtimestamp(first.ends, UTC).isoformat()
        self._log.event("certificate", outcome="loaded", names=sorted(names), ends=ends)

    def _fit(self, name: str, facts: Sequence[Certificate]) -> Sequence[Certificate]:
        """Those that `name` may get: the server's own name is shown with the server's key alone,
        for that is the one that TLSA records tell of."""
        if name != self._hostname:
            return facts
        return [one for one in facts if one.key == facts[0].key]

    def reload(self) -> bool:
        """Reads the files again; on an error the ones in use stay. Returns whether it worked."""
        try:
            self.load()
        except Invalid as error:
            self._files.seen()
            self._log.event("certificate", outcome="refused", reason=error.text)
            return False
        return True

    def start(self, reactor: Any) -> None:
        """Looks at the files every few seconds from now on."""
        self._poll = LoopingCall(self._look)
        self._poll.clock = reactor
        self._poll.start(POLL, now=False)

    def stop(self) -> None:
        """Stops looking."""
        if self._poll is not None and self._poll.running:
            self._poll.stop()

    def context_factory(self) -> ContextFactory:
        """For `transport.startTLS`: the same object always, the newest certificates each time."""
        return self._factory

    def implicit(self, factory: IProtocolFactory, reactor: Any) -> TLSMemoryBIOFactory:
        """`factory` behind TLS from the first byte."""
        return TLSMemoryBIOFactory(self._factory, False, factory, reactor)

    @property
    def certificate(self) -> Path:
        """The default chain's file."""
        return self._files.default()[0]

    def _current(self) -> SSL.Context:
        if self._contexts is None:
            self.load()
            return self._current()
        return self._contexts.default

    def _look(self) -> None:
        if self._files.has_changed() or self._now() >= self._until:
            self.reload()


@implementer(IOpenSSLServerConnectionCreator)
class ContextFactory:
    """Makes the TLS half of a server connection from the context that is current then."""

    def __init__(self, current: Callable[[], SSL.Context]) -> None:
        self._current = current

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        return SSL.Connection(self._current(), None)


def make_context(pair: Pair) -> SSL.Context:
    """A server context: TLS 1.2 or newer, no compression, no renegotiation, small when idle."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    # A mail client that closes TCP without close_notify is common; it is the end of the stream,
    # and both protocols mark the end of what matters themselves.
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_IGNORE_UNEXPECTED_EOF
    )
    # Idle connections give their 16 KiB record buffers back.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"mailhub")
    context.use_certificate(pair.chain[0])
    for above in pair.chain[1:]:
        context.add_extra_chain_cert(above)
    context.use_privatekey(pair.key)  # type: ignore[arg-type]
    context.check_privatekey()
    return context


def _choose(contexts: Contexts) -> Callable[[SSL.Connection], None]:
    def choose(connection: SSL.Connection) -> None:
        name = connection.get_servername()
        if name:
            found = contexts.named(name.decode("ascii", "replace"))
            if found is not None and found is not connection.get_context():
                connection.set_context(found)

    return choose
