"""ManageSieve as sievelib speaks it, and a script's way from there to what IMAP shows."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Callable

import imapclient
import pytest
from sievelib import managesieve

from mailhub.wire.sieve.vocabulary import EXTENSIONS
from tests.live.conftest import DOMAIN, User
from tests.live.pace import prompt
from tests.live.peers import until
from tests.live.server import Server

MESSAGE = (
    "From: Ann <ann@remote.example>\r\nTo: Joe <{to}>\r\nSubject: {subject}\r\n"
    "Message-ID: <{subject}@remote.example>\r\nX-Old: yes\r\n\r\nbody\r\n"
)


@pytest.fixture(autouse=True)
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's certificate is its own."""
    monkeypatch.setattr(
        managesieve.ssllib, "create_default_context", ssl._create_unverified_context
    )


def client(server: Server, user: User, tls: str = "starttls") -> managesieve.Client:
    made = managesieve.Client("127.0.0.1", server.port("managesieve", tls))
    kind = {"starttls": True} if tls == "starttls" else {"ssl": True}
    assert made.connect(user.address, user.password, authmech="PLAIN", **kind), made.errmsg
    return made


def deliver(server: Server, to: str, subject: str, sender: str = "ann@remote.example") -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=20) as smtp:
        smtp.sendmail(sender, [to], MESSAGE.format(to=to, subject=subject))


def imap(server: Server, user: User) -> imapclient.IMAPClient:
    made = imapclient.IMAPClient("127.0.0.1", server.port("imap"), ssl=False, timeout=20)
    made.login(user.address, user.password)
    return made


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_sievelib_keeps_scripts(server: Server, user: User, tls: str) -> None:
    sieve = client(server, user, tls)
    assert sieve.get_implementation() == "mailhub"
    assert set(sieve.get_sieve_capabilities()) == set(EXTENSIONS)
    assert "SCRAM-SHA-256-PLUS" in sieve.get_sasl_mechanisms()
    assert sieve.listscripts() == (None, [])
    assert sieve.havespace("main", 1000)
    assert not sieve.havespace("main", 10_000_000)
    assert sieve.putscript("main", 'require ["fileinto"];\r\nfileinto "Archive";\r\n')
    assert sieve.putscript("Grüße", "keep;")
    assert not sieve.putscript("bad", "keep;\r\nnonsense;")
    assert b"2:1: Unknown command nonsense" in sieve.errmsg
    assert sieve.checkscript("stop;")
    assert not sieve.checkscript("stop")
    assert sieve.setactive("main")
    assert sieve.listscripts() == ("main", ["Grüße"])
    assert sieve.getscript("main").splitlines() == ['require ["fileinto"];', 'fileinto "Archive";']
    assert not sieve.deletescript("main")
    assert sieve.renamescript("main", "first")
    assert sieve.listscripts()[0] == "first"
    assert sieve.setactive("")
    assert sieve.deletescript("first")
    assert sieve.deletescript("Grüße")
    sieve.logout()


def test_a_script_put_here_files_what_smtp_brings_and_imap_sees_it(
    server: Server, user: User
) -> None:
    sieve = client(server, user)
    assert sieve.putscript(
        "main",
        'require ["fileinto", "mailbox", "imap4flags", "editheader", "variables", "reject"];\r\n'
        'if header :matches "subject" "*-order" {\r\n'
        '  addheader "X-Kind" "${1}"; deleteheader "x-old";\r\n'
        '  fileinto :create :flags ["\\\\Seen", "Shop"] "Shop/${1}"; stop;\r\n'
        '}\r\nif header "subject" "unwanted" {reject "No, thank you";}\r\n',
    ), sieve.errmsg
    assert sieve.setactive("main")
    with imap(server, user) as watching:
        watching.select_folder("INBOX")
        watching.idle()
        deliver(server, user.address, "plain")
        assert watching.idle_check(timeout=10)
        watching.idle_done()
        deliver(server, user.address, "big-order")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            deliver(server, user.address, "unwanted")
        assert (refused.value.smtp_code, b"No, thank you" in refused.value.smtp_error) == (
            550,
            True,
        )
        watching.select_folder("Shop/big")
        [(uid, found)] = watching.fetch(watching.search(), ["FLAGS", "BODY[HEADER]"]).items()
        assert {b"\\Seen", b"Shop"} <= set(found[b"FLAGS"])
        assert b"X-Kind: big\r\n" in found[b"BODY[HEADER]"]
        assert b"X-Old" not in found[b"BODY[HEADER]"]
        assert uid == 1
    assert sieve.setactive("")
    deliver(server, user.address, "unwanted")
    with imap(server, user) as reading:
        assert reading.select_folder("INBOX")[b"EXISTS"] == 2


def test_a_new_password_ends_the_session_within_a_second(
    server: Server, new_user: Callable[[], User]
) -> None:
    user = new_user()
    context = ssl._create_unverified_context()
    port = server.port("managesieve", "implicit")
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10)) as wire:
        said = b""
        while not said.endswith(b'ready"\r\n'):
            said += wire.recv(4096)
        token = base64.b64encode(f"\0{user.address}\0{user.password}".encode())
        wire.sendall(b'AUTHENTICATE "PLAIN" "%b"\r\n' % token)
        assert wire.recv(4096) == b'OK "Logged in"\r\n'
        server.command("user", "set", user.address, "--password", "An0ther-Passw0rd-2")
        with prompt(1.0, server.pid):
            assert wire.recv(4096) == b'BYE "The session was ended by the server"\r\n'
            assert wire.recv(4096) == b""


def test_a_vacation_reply_arrives_once_and_a_failure_is_shown(
    server: Server, user: User, new_user: Callable[[], User]
) -> None:
    ann = new_user()
    sieve = client(server, user)
    assert sieve.putscript("away", 'require "vacation"; vacation :subject "Away" "Back soon";')
    assert sieve.setactive("away")
    deliver(server, user.address, "hello", sender=ann.address)
    deliver(server, user.address, "again", sender=ann.address)
    with imap(server, ann) as reading:
        assert until(lambda: reading.select_folder("INBOX")[b"EXISTS"] == 1)
        [found] = reading.fetch(reading.search(), ["ENVELOPE", "BODY[]"]).values()
        assert found[b"ENVELOPE"].subject == b"Away"
        assert b"Auto-Submitted: auto-replied" in found[b"BODY[]"]
    assert sieve.putscript("broken", 'require "fileinto"; fileinto "Nowhere";')
    assert sieve.setactive("broken")
    deliver(server, user.address, "third", sender=ann.address)
    shown = server.command("sieve", "list", user.address).stdout
    assert "Nowhere" in shown
    with imap(server, user) as reading:
        assert reading.select_folder("INBOX")[b"EXISTS"] == 3
    with imap(server, ann) as reading:
        assert reading.select_folder("INBOX")[b"EXISTS"] == 1


def test_the_command_keeps_scripts_too(server: Server, user: User) -> None:
    path = server.folder / "rules.sieve"
    path.write_text('require "imap4flags"; addflag "Shell";\n')
    message = server.folder / "message.eml"
    message.write_text("From: a@b.example\nSubject: hi\n\nbody\n")
    server.command("sieve", "put", user.address, "rules", str(path), "--activate")
    assert "rules" in server.command("sieve", "list", user.address).stdout
    assert server.command("sieve", "get", user.address, "rules").stdout == path.read_text()
    tried = server.command("sieve", "test", str(path), str(message)).stdout
    assert "Shell" in tried
    deliver(server, user.address, "flagged")
    with imap(server, user) as reading:
        reading.select_folder("INBOX")
        [found] = reading.fetch(reading.search(), ["FLAGS"]).values()
        assert b"Shell" in found[b"FLAGS"]
    server.command(
        "filter", "add", user.address, "--subject", "sale", "--seen", "--mailbox", "Junk"
    )
    shown = server.command("filter", "show", user.address, "--sieve").stdout
    assert 'header :contains "subject" "sale"' in shown
    path.write_text(shown)
    assert "no faults" in server.command("sieve", "check", str(path)).stdout
    path.write_text("keep;\nnonsense;\n")
    checked = server.command("sieve", "check", str(path), check=False)
    assert checked.returncode == 1
    assert "2:1" in checked.stdout + checked.stderr
    server.command("sieve", "activate", user.address)
    server.command("sieve", "remove", user.address, "rules")
    assert "rules" not in server.command("sieve", "list", user.address).stdout
    assert DOMAIN in user.address
