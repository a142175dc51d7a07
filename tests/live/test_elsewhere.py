"""Accounts whose mail still lives on a Dovecot: programs that others wrote are handed through."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.live.former import FormerServer, former_server
from tests.live.peers import ROOT, until
from tests.live.server import PLAIN, Server

pytestmark = [pytest.mark.live, ROOT]
WORD = 'wörd "quoted" one'
DOMAIN = "moving.test"
PEOPLE = tuple(f"p{number}@{DOMAIN}" for number in range(40))
_people = iter(PEOPLE)


@pytest.fixture(scope="module")
def former() -> Iterator[FormerServer]:
    with former_server(dict.fromkeys(PEOPLE, WORD)) as made:
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
    name = next(_people)
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


def deliver(server: Server, recipient: str, subject: str) -> None:
    """As another server brings it."""
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=60) as smtp:
        smtp.sendmail("a@b.example", [recipient], letter(subject))


def here(person: Person) -> list[str]:
    """Subjects of what is in the INBOX of this server."""
    with person.imap() as imap:
        imap.select("INBOX", readonly=True)
        _, found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    heads = [one[1].decode() for one in found if isinstance(one, tuple)]
    return [head.partition(":")[2].strip() for head in heads]


def test_mail_is_delivered_once_before_while_and_after_an_account_moves(person: Person) -> None:
    former, server = person.former, person.server
    deliver(server, person.name, "before")
    assert until(lambda: former.subjects(person.name) == ["before"]), server.log.read_text()[-4000:]
    person.imap().logout()  # its password is learned
    person.phase("moving")
    deliver(server, person.name, "while")
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        person.imap()
    person.phase("here")
    deliver(server, person.name, "after")
    assert until(lambda: sorted(here(person)) == ["after", "while"])
    assert former.subjects(person.name) == ["before"]
