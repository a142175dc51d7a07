"""TLS from the first byte, with a real handshake in memory: what the session then knows of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from OpenSSL import SSL

from mailhub.model.account import Service
from mailhub.model.settings import TLSSettings
from mailhub.net.peer import peer_of
from mailhub.net.tls import Certificates
from tests.smtp.reception import CLIENT, SERVER, Reception
from tests.transcript import Transport
from tests.world import ListLog, World, world


class Client:
    """A TLS client whose bytes go to a server's transport by hand."""

    def __init__(self, listener: Reception, certificates: Certificates) -> None:
        self.reactor = listener.reactor
        self.transport = Transport(CLIENT, SERVER)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        factory = certificates.implicit(listener.factory, self.reactor)
        protocol = factory.buildProtocol(CLIENT)
        assert protocol is not None
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def exchange(self) -> None:
        """Carries bytes both ways until nobody has any."""
        for _ in range(10):
            with suppress(SSL.WantReadError):
                self.protocol.dataReceived(self.connection.bio_read(1 << 20))
            self.reactor.advance(0)
            answer = self.transport.value()
            self.transport.clear()
            if answer:
                self.connection.bio_write(answer)

    def handshake(self) -> None:
        for _ in range(4):
            with suppress(SSL.WantReadError):
                self.connection.do_handshake()
            self.exchange()

    def say(self, line: bytes) -> list[bytes]:
        if line:
            self.connection.send(line + b"\r\n")
        self.exchange()
        return self.connection.recv(1 << 16).splitlines()


@pytest.fixture
def people() -> World:
    return world()


def test_implicit_tls_is_seen_and_binds_scram(people: World, tmp_path: Path) -> None:
    certificates = Certificates(TLSSettings(), tmp_path, "mx.example.org", ListLog())
    certificates.load()
    listener = Reception(people, Service.SUBMISSION, tls=False)
    listener.factory.peer_of = peer_of
    client = Client(listener, certificates)
    client.handshake()
    assert client.say(b"")[0].startswith(b"220 mx.example.org")
    answers = client.say(b"EHLO laptop.example")
    assert b"250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in answers
    assert not any(b"STARTTLS" in answer for answer in answers)
    session = client.protocol.wrappedProtocol.talk.session  # type: ignore[attr-defined]
    assert session.protocol == "ESMTPS"
    assert session.peer.tls.version == "TLSv1.3"
    exporter = client.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert session.peer.tls.exporter == exporter
    assert client.say(b"STARTTLS") == [b"503 5.5.1 TLS is active already"]
