"""Accounts whose mail still lives on a Dovecot: programs that others wrote are handed through."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.former import FormerServer, former_server, subjects
from tests.live.peers import ROOT, until
from tests.live.server import PLAIN, Server
from tests.programs import program

pytestmark = [pytest.mark.live, ROOT]
WORD = 'wörd "quoted" one'
DOMAIN = "moving.test"
MBSYNC = """
IMAPAccount a
Host 127.0.0.1
Port {port}
User {person.name}
PassCmd "cat {folder}/word"
SSLType None
AuthMechs PLAIN

IMAPStore far
Account a

MaildirStore near
Inbox {folder}/inbox

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
"""
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
    return moved(server, former)


def moved(server: Server, former: FormerServer) -> Person:
    """Somebody new on this server, whose mail is on the other."""
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
    assert b"IMAP4rev2" not in imap.capability()[1][0]
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
        return subjects(imap)


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


def test_pop3_is_handed_through_and_wrong_words_are_refused(person: Person) -> None:
    deliver(person.server, person.name, "one")
    assert until(lambda: person.former.subjects(person.name) == ["one"])
    pop = poplib.POP3("127.0.0.1", person.server.port("pop3"), timeout=60)
    pop.user(person.name)
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        pop.pass_("wrong")
    pop.encoding = "UTF-8"
    pop.user(person.name)
    pop.pass_(WORD)
    assert pop.stat()[0] == 1
    assert b"Subject: one" in pop.retr(1)[1]
    pop.dele(1)
    pop.quit()
    assert person.former.subjects(person.name) == []


def test_a_client_that_idles_hears_news_and_that_its_mailbox_moved(person: Person) -> None:
    imap = person.imap()
    imap.select()
    imap.send(b"x IDLE\r\n")
    assert imap.readline().startswith(b"+")
    deliver(person.server, person.name, "news")
    assert imap.readline() == b"* 1 EXISTS\r\n"
    person.phase("moving")
    heard = [imap.readline() for _ in range(3)]
    assert b"* BYE The mailbox moves, please log in again\r\n" in heard
    assert heard[-1] == b""
    person.phase("here")
    with person.imap() as again:
        assert b"IMAP4rev2" in again.capability()[1][0]
        assert again.select() == ("OK", [b"0"])


def test_a_login_to_send_is_proven_there_and_mail_leaves_from_here(
    person: Person, server: Server, former: FormerServer
) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=60) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(person.name, "wrong")
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=60) as smtp:
        smtp.ehlo()
        assert smtp.docmd("AUTH", "PLAIN " + plain(person.name, WORD))[0] == 235
        text = f"From: {person.name}\r\nSubject: to myself\r\n\r\nx\r\n"
        smtp.sendmail(person.name, [person.name], text.encode())
    assert until(lambda: former.subjects(person.name) == ["to myself"])


def plain(name: str, word: str) -> str:
    """SASL's PLAIN."""
    return b64encode(f"\0{name}\0{word}".encode()).decode()


def test_what_comes_back_from_the_other_server_goes_round_no_further(person: Person) -> None:
    deliver(person.server, person.name, "once")
    assert until(lambda: person.former.subjects(person.name) == ["once"])
    with person.former.session(person.name) as imap:
        imap.select()
        _, found = imap.fetch("1", "(BODY.PEEK[])")
    assert isinstance(found[0], tuple)
    stored = found[0][1]
    (mark,) = [line for line in stored.split(b"\r\n") if b"elsewhere.invalid" in line]
    with (
        smtplib.SMTP("127.0.0.1", person.server.port("smtp"), timeout=60) as smtp,
        pytest.raises(smtplib.SMTPDataError, match="loop"),
    ):
        smtp.sendmail("a@b.example", [person.name], mark + b"\r\n" + letter("again"))
    assert person.former.subjects(person.name) == ["once"]


def test_a_certificate_of_another_name_is_shown_no_password(
    person: Person, former: FormerServer, server: Server
) -> None:
    where = f"imaps://127.0.0.1:{former.imaps}"
    server.command("elsewhere", "set", person.name, "--imap", where)
    with pytest.raises(imaplib.IMAP4.error, match=r"UNAVAILABLE.*another name"):
        person.imap()


def test_mbsync_takes_a_mailbox_through_us(person: Person, tmp_path: Path) -> None:
    with person.former.session(person.name) as imap:
        for number in range(20):
            imap.append("INBOX", "", None, letter(f"m{number}", 1000 * number))  # type: ignore[arg-type]
    config = tmp_path / "mbsyncrc"
    config.write_text(
        MBSYNC.format(person=person, folder=tmp_path, port=person.server.port("imap"))
    )
    (tmp_path / "word").write_text(f"{WORD}\n")
    done = subprocess.run(
        [program("mbsync"), "-c", config, "c"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "inbox").glob("*/*"))) == 20


@pytest.mark.scale
def test_the_other_server_goes_away_and_comes_back(person: Person) -> None:
    former = person.former
    imap = person.imap()
    imap.select()
    former.stop()
    try:
        with pytest.raises(imaplib.IMAP4.abort):
            imap.noop()
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            person.imap()
        deliver(person.server, person.name, "meanwhile")
        assert until(lambda: '"outcome":"deferred"' in person.server.log.read_text())
    finally:
        former.start()
    with person.imap() as again:
        assert again.select()[0] == "OK"
    person.phase("here")
    assert until(lambda: here(person) == ["meanwhile"])


@pytest.mark.scale
def test_an_account_moves_while_mail_comes_and_its_owner_reads(person: Person) -> None:
    sent: list[str] = []
    over = threading.Event()

    def send(which: int) -> None:
        number = 0
        while not over.is_set():
            subject = f"{which}-{number}"
            deliver(person.server, person.name, subject)
            sent.append(subject)
            number += 1

    def read() -> None:
        while not over.is_set():
            with suppress(imaplib.IMAP4.error, OSError):
                imap = person.imap()
                imap.select()
                imap.noop()
                imap.logout()

    threads = [threading.Thread(target=send, args=(which,)) for which in range(3)]
    threads.append(threading.Thread(target=read))
    for thread in threads:
        thread.start()
    try:
        for phase in ("moving", "here", "elsewhere", "moving", "elsewhere", "moving", "here"):
            grown = len(sent) + 15
            assert until(lambda grown=grown: len(sent) > grown)  # type: ignore[misc]
            person.phase(phase)
            if phase == "moving":
                there = person.former.subjects(person.name)
                grown = len(sent) + 15
                assert until(lambda grown=grown: len(sent) > grown)  # type: ignore[misc]
                assert person.former.subjects(person.name) == there
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    everywhere = lambda: sorted(here(person) + person.former.subjects(person.name))  # noqa: E731
    assert until(lambda: len(everywhere()) >= len(sent))
    assert everywhere() == sorted(sent)


@pytest.mark.scale
def test_sessions_that_are_handed_through_hear_goodbye_when_the_server_stops(
    former: FormerServer, tmp_path: Path
) -> None:
    trusted = f'\n[elsewhere]\ntrusted = "{former.authority}"\n'
    server = Server(tmp_path / "hub", sections=PLAIN + trusted)
    server.start()
    server.add_domain(DOMAIN)
    person = moved(server, former)
    imap = person.imap()
    imap.select()
    assert server.stop() == 0
    assert imap.readline() == b"* BYE The server is shutting down\r\n"
    assert imap.readline() == b""
    assert server.verify() == ""
