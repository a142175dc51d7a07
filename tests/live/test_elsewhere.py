"""Accounts whose mail still lives on a Dovecot: programs that others wrote are handed through."""

from __future__ import annotations

import imaplib
import itertools
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.live.former import FormerServer, former_server
from tests.live.peers import ROOT
from tests.live.server import PLAIN, Server

pytestmark = [pytest.mark.live, ROOT]
WORD = 'wörd "quoted" one'
DOMAIN = "moving.test"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def former() -> Iterator[FormerServer]:
    with former_server() as made:
        yield made


@pytest.fixture(scope="module")
def server(former: FormerServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    trusted = f'\n[elsewhere]\ntrusted = "{former.authority}"\n'
    made = Server(tmp_path_factory.mktemp("hub"), sections=PLAIN + trusted)
    made.start()
    made.add_domain(DOMAIN)
    yield made
    assert made.stop() == 0
    assert made.verify() == ""


@dataclass
class Person:
    """Somebody who moves."""

    name: str
    server: Server
    former: FormerServer

    def imap(self, password: str = WORD) -> imaplib.IMAP4:
        """Logged in here."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        port = self.server.port("imap", "implicit")
        imap = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context, timeout=60)
        imap.authenticate("PLAIN", lambda _: f"\0{self.name}\0{password}".encode())
        return imap

    def phase(self, phase: str) -> None:
        self.server.command("elsewhere", "phase", self.name, phase)


@pytest.fixture
def person(server: Server, former: FormerServer) -> Person:
    """A new one, of whom no password is known here."""
    name = f"p{next(_numbers)}@{DOMAIN}"
    former.user(name, WORD)
    server.command("user", "add", name, "--no-password")
    server.command(
        "elsewhere",
        "set",
        name,
        "--imap",
        f"imaps://localhost:{former.imaps}",
        "--pop3",
        f"pop3://localhost:{former.pop3}",
        "--mail",
        f"lmtp+clear://127.0.0.1:{former.lmtp}",
    )
    return Person(name, server, former)


def letter(subject: str, size: int = 0) -> bytes:
    line = b"0123456789" * 7 + b"\r\n"
    body = line * (size // len(line))
    return b"From: a@b.example\r\nSubject: %b\r\n\r\n%b" % (subject.encode(), body)


def test_a_session_is_handed_through(person: Person) -> None:
    imap = person.imap()
    assert "QUOTA" not in imap.capabilities
    assert "STARTTLS" not in imap.capabilities
    big = letter("big", 10 << 20)
    status, _ = imap.append("INBOX", "", None, big)
    assert status == "OK"
    imap.select()
    _, found = imap.fetch("1", "(BODY.PEEK[])")
    assert isinstance(found[0], tuple)
    assert found[0][1] == big
    imap.logout()
    assert person.former.subjects(person.name) == ["big"]
