"""Accounts from a real LDAP directory, on every protocol, while it is there and while it is not."""

from __future__ import annotations

import imaplib
import json
import poplib
import smtplib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.pace import prompt
from tests.live.peers import until
from tests.live.server import Server
from tests.live.slapd import Slapd, person

PASSWORD = "Corp-Passw0rd"
PEOPLE = (
    person("ada", PASSWORD, "ada@corp.test", name="Ada Lovelace"),
    person("joe", PASSWORD, "joe@corp.test", "sales@corp.test", quota=5),
    person("eve", PASSWORD, "eve@corp.test"),
    person("kim", PASSWORD, "kim@corp.test", "kim@elsewhere.test"),
    person("max", PASSWORD, "max@corp.test"),
    person("pat", PASSWORD, "pat@corp.test"),
    person("own", PASSWORD, "own@corp.test"),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    running = Slapd(tmp_path_factory.mktemp("slapd"), PEOPLE)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory, directory: Slapd) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("corp"), sections=directory.section())
    running.start()
    running.add_domain("local.test")
    running.add_user("own@local.test", "Local-Passw0rd-1")
    yield running
    assert running.verify() == ""
    assert running.stop() == 0


@pytest.fixture
def away(directory: Slapd) -> Iterator[Slapd]:
    """It can be stopped or hang; afterwards it is there again."""
    yield directory
    directory.stop()
    directory.start()


def imap(server: Server, name: str, password: str = PASSWORD) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"))
    client.login(name, password)
    return client


def deliver(server: Server, recipient: str) -> tuple[int, bytes]:
    """What RCPT is answered; where it is taken, the message follows."""
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), local_hostname="mx.example") as client:
        client.ehlo()
        client.mail("someone@example.net")
        code, text = client.rcpt(recipient)
        if code == 250:
            message = (
                f"From: <someone@example.net>\r\nTo: <{recipient}>\r\nSubject: x\r\n\r\nhi\r\n"
            )
            code, text = client.data(message)
        return code, text


def user(server: Server, name: str) -> dict[str, object]:
    shown: dict[str, object] = json.loads(server.command("user", "show", name, "--json").stdout)
    return shown


def test_a_login_on_every_protocol(corp: Server) -> None:
    for name in ("joe", "JOE@corp.test", "sales@corp.test"):
        client = imap(corp, name)
        assert client.select()[0] == "OK"
        client.logout()
    pop = poplib.POP3("127.0.0.1", corp.port("pop3"))
    pop.user("joe@corp.test")
    pop.pass_(PASSWORD)
    pop.quit()
    with smtplib.SMTP("127.0.0.1", corp.port("submission")) as client:
        client.login("joe", PASSWORD)
        assert client.docmd("NOOP")[0] == 250
    request = urllib.request.Request(
        f"http://127.0.0.1:{corp.port('http')}/authenticate",
        json.dumps({"username": "joe", "password": PASSWORD, "scope": "master"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["username"] == "joe"


def test_what_the_entry_says_the_account_has(corp: Server) -> None:
    imap(corp, "joe").logout()
    imap(corp, "ada").logout()
    joe, ada = user(corp, "joe"), user(corp, "ada")
    assert (joe["address"], ada["name"]) == ("joe@corp.test", "Ada Lovelace")
    assert (joe["role"], ada["role"]) == ("user", "admin")
    assert "5242880" in json.dumps(joe)
    assert "sales@corp.test" in corp.command("address", "list", "joe", "--json").stdout
    shown = json.loads(corp.command("directory", "show", "joe", "--json").stdout)
    assert shown["addresses"] == ["joe@corp.test", "sales@corp.test"]


def test_addresses_in_foreign_domains_are_not_taken(corp: Server) -> None:
    imap(corp, "kim").logout()
    assert "elsewhere.test" not in corp.command("address", "list", "kim", "--json").stdout
    assert deliver(corp, "kim@elsewhere.test")[0] == 550


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("joe", "wrong"),
        ("joe", ""),
        ("nobody", PASSWORD),
        ("*", PASSWORD),
        ("jo*", PASSWORD),
        ("joe)(uid=*", PASSWORD),
        ("*)(|(uid=joe", PASSWORD),
        ("joe\\2a", PASSWORD),
        ("uid=joe,ou=people,dc=corp,dc=test", PASSWORD),
    ],
)
def test_who_may_not_in(corp: Server, name: str, password: str) -> None:
    client = imaplib.IMAP4("127.0.0.1", corp.port("imap"))
    plain = f"\0{name}\0{password}".encode()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("PLAIN", lambda _: plain)
    client.shutdown()


def test_mail_makes_the_account(corp: Server) -> None:
    assert deliver(corp, "max+lists@corp.test")[0] == 250
    assert deliver(corp, "nobody@corp.test")[0] == 550
    client = imap(corp, "max")
    assert client.select()[1] == [b"1"]
    client.logout()


def test_our_own_accounts_go_first(corp: Server) -> None:
    imap(corp, "own@local.test", "Local-Passw0rd-1").logout()
    imap(corp, "own@corp.test").logout()
    with pytest.raises(imaplib.IMAP4.error):
        imap(corp, "own@local.test")


def test_a_comparison(corp: Server, directory: Slapd) -> None:
    corp.command("directory", "sync")
    directory.change("pat", cn="Pat New", mail="patricia@corp.test")
    shown = json.loads(corp.command("directory", "sync", "--json").stdout)
    assert (shown["changed"], shown["refused"]) == (1, [])
    assert user(corp, "pat")["address"] == "patricia@corp.test"
    assert deliver(corp, "pat@corp.test")[0] == 550
    assert deliver(corp, "patricia@corp.test")[0] == 250
    directory.rename("pat", "tricia")
    imap(corp, "tricia").logout()
    client = imap(corp, "tricia")
    assert client.select()[1] == [b"1"]
    client.logout()


def test_who_is_locked_or_gone_is_shut_and_keeps_the_mail(corp: Server, directory: Slapd) -> None:
    assert deliver(corp, "eve@corp.test")[0] == 250
    session = imap(corp, "eve")
    directory.change("eve", description="left")
    corp.command("directory", "sync")
    with pytest.raises(imaplib.IMAP4.error):
        until(lambda: session.noop()[0] != "OK")
    with pytest.raises(imaplib.IMAP4.error):
        imap(corp, "eve")
    assert deliver(corp, "eve@corp.test")[0] == 550
    directory.change("eve", description="is back")
    corp.command("directory", "sync")
    client = imap(corp, "eve")
    assert client.select()[1] == [b"1"]
    client.logout()
    directory.remove("eve")
    shown = json.loads(corp.command("directory", "sync", "--json").stdout)
    assert shown["locked"] == 1
    assert user(corp, "eve")["disabled"] is True


def test_what_is_known_goes_on_while_it_is_away(corp: Server, away: Slapd) -> None:
    imap(corp, "joe").logout()
    away.stop()
    assert deliver(corp, "joe@corp.test")[0] == 250
    code, _ = deliver(corp, "unheard-of@corp.test")
    assert 400 <= code < 500
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        imap(corp, "kim", "some other password")
    imap(corp, "own@local.test", "Local-Passw0rd-1").logout()
    away.start()
    imap(corp, "joe").logout()
    assert deliver(corp, "unheard-of@corp.test")[0] == 550


def test_one_that_hangs_holds_up_nobody_else(corp: Server, away: Slapd) -> None:
    away.hang()
    with prompt(5, corp.pid), pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        imap(corp, "kim", "another password")
    with prompt(2, corp.pid):
        imap(corp, "own@local.test", "Local-Passw0rd-1").logout()


@pytest.mark.parametrize(
    ("changes", "proof"),
    [
        ({"authority": '""'}, "CERTIFICATE_VERIFY_FAILED"),
        ({"urls": '["ldaps://127.0.0.1:{tls}"]'}, "match any name in"),
    ],
)
def test_a_certificate_that_proves_nothing(
    tmp_path: Path, directory: Slapd, changes: dict[str, str], proof: str
) -> None:
    given = {
        name: value.replace("{tls}", str(directory.tls_port)) for name, value in changes.items()
    }
    server = Server(tmp_path / "server", sections=directory.section(**given))
    server.start()
    try:
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            imap(server, "joe")
        assert until(lambda: proof in server.log.read_text()), server.log.read_text()[-3000:]
    finally:
        server.stop()


def test_starttls_and_the_second_server(tmp_path: Path, directory: Slapd) -> None:
    urls = f'["ldaps://localhost:1", "ldap://localhost:{directory.port}"]'
    server = Server(tmp_path / "server", sections=directory.section(urls=urls))
    server.start()
    try:
        imap(server, "joe").logout()
        imap(server, "ada").logout()
    finally:
        server.stop()


def test_a_comparison_that_would_shut_most_does_not(tmp_path: Path, directory: Slapd) -> None:
    people = [person(f"p{n}", PASSWORD, f"p{n}@corp.test") for n in range(30)]
    other = Slapd(tmp_path / "other", people)
    other.start()
    server = Server(tmp_path / "server", sections=other.section(timeout="3"))
    server.start()
    try:
        assert json.loads(server.command("directory", "sync", "--json").stdout)["created"] == 30
        for number in range(1, 30):
            other.remove(f"p{number}")
        refused = server.command("directory", "sync", check=False)
        assert refused.returncode
        assert "29 of 30" in refused.stdout + refused.stderr
        forced = json.loads(server.command("directory", "sync", "--force", "--json").stdout)
        assert forced["locked"] == 29
    finally:
        server.stop()
        other.stop()
