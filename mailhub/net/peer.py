"""What a transport knows of its two ends, as a `model.envelope.Peer`.

Understands plain sockets, UNIX sockets, PROXY headers (see `net.listeners`) and TLS in both
forms that Twisted has. May not decide anything about the peer.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import providedBy

from mailhub.model.envelope import Peer, TLSFacts
from mailhub.wire.networks import plain

EXPORTER_LABEL = b"EXPORTER-Channel-Binding"
"""RFC 9266 section 4.2: with an empty context and 32 bytes."""


def peer_of(transport: Any) -> Peer:
    """The facts of `transport`, cheap enough to ask once a session and after each TLS start.

    `tls` is set as soon as TLS was begun; its fields are empty until the handshake ended.
    """
    address, port = _end(transport.getPeer())
    local_address, local_port = _end(transport.getHost())
    return Peer(address, port, local_address, local_port, tls_facts(transport))


def _end(address: Any) -> tuple[str, int]:
    host = getattr(address, "host", None)
    if host is None:
        return "unix", 0
    return plain(host), address.port


def tls_facts(transport: Any) -> TLSFacts | None:
    """The TLS layer on `transport`, None without one."""
    # TLS begun later marks the transport; TLS from the first byte is a transport of its own,
    # which provides only what the socket below it does.
    if not isinstance(transport, TLSMemoryBIOProtocol) and ISSLTransport not in providedBy(
        transport
    ):
        return None
    connection = transport.getHandle()
    if not isinstance(connection, SSL.Connection):
        return TLSFacts("", "")
    cipher = connection.get_cipher_name()
    if cipher is None:
        return TLSFacts("", "")
    version = connection.get_protocol_version_name()
    return TLSFacts(version, cipher, _exporter(connection, version))


def _exporter(connection: SSL.Connection, version: str) -> bytes:
    """The `tls-exporter` channel binding (RFC 9266), empty where it would not be unique.

    Below TLS 1.3 it binds the channel only together with the extended master secret (RFC 7627),
    which pyOpenSSL cannot report: there is no binding then, and SCRAM goes without PLUS.
    """
    if version != "TLSv1.3":
        return b""
    return connection.export_keying_material(EXPORTER_LABEL, 32, b"")
