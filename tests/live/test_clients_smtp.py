"""Programs that others wrote hand mail in: swaks, curl, smtplib."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.live.conftest import User
from tests.live.pace import prompt
from tests.live.peers import until
from tests.live.server import Server
from tests.programs import program

UNVERIFIED = ssl._create_unverified_context()


def inbox(server: Server, user: User) -> list[bytes]:
    """All messages of the INBOX, in order, byte for byte."""
    with imaplib.IMAP4("127.0.0.1", server.port("imap")) as imap:
        imap.login(user.address, user.password)
        imap.select("INBOX", readonly=True)
        _, rows = imap.fetch("1:*", "(BODY.PEEK[])")
        return [row[1] for row in rows if isinstance(row, tuple)]


def swaks(server: Server, service: str, *words: str) -> subprocess.CompletedProcess[str]:
    port = server.port(service)
    return subprocess.run(
        [program("swaks"), "--server", "127.0.0.1", "--port", str(port), *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_swaks_delivers_over_starttls(server: Server, user: User) -> None:
    done = swaks(server, "smtp", "--to", user.address, "--from", "a@example.org", "--tls")
    assert done.returncode == 0, done.stdout
    assert len(inbox(server, user)) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_with(server: Server, user: User, mechanism: str) -> None:
    done = swaks(
        server, "submission", "--tls", "--auth", mechanism, "--auth-user", user.address,
        "--auth-password", user.password, "--to", user.address, "--from", user.address,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(inbox(server, user)) == 1


def test_swaks_speaks_lmtp(server: Server, user: User) -> None:
    done = swaks(server, "lmtp", "--protocol", "LMTP", "--to", user.address, "--from", "a@b.test")
    assert done.returncode == 0, done.stdout
    assert len(inbox(server, user)) == 1


def test_swaks_speaks_lmtp_over_a_socket(server: Server, user: User) -> None:
    done = subprocess.run(
        [program("swaks"), "--socket", server.path("lmtp"), "--protocol", "LMTP",
         "--to", user.address, "--from", "a@example.org"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(inbox(server, user)) == 1


def test_swaks_wrong_password_is_refused(server: Server, user: User) -> None:
    done = swaks(
        server, "submission", "--tls", "--auth", "PLAIN", "--auth-user", user.address,
        "--auth-password", "wrong", "--to", user.address, "--from", user.address,
    )  # fmt: skip
    assert done.returncode == 28
    assert "535 5.7.8" in done.stdout


def test_swaks_relay_is_refused(server: Server) -> None:
    done = swaks(server, "smtp", "--to", "someone@elsewhere.test", "--from", "a@example.org")
    assert done.returncode == 24
    assert " 550 5.7.1 " in done.stdout or " 554 5.7.1 " in done.stdout


def test_swaks_unknown_recipient_is_refused(server: Server) -> None:
    done = swaks(server, "smtp", "--to", "nobody@live.test", "--from", "a@example.org")
    assert done.returncode == 24
    assert " 550 5.1.1 " in done.stdout


def test_curl_submits_over_implicit_tls(server: Server, user: User, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_bytes(
        b"From: %s\r\nSubject: curl\r\n\r\n.dot\r\n..two\r\nend\r\n" % user.address.encode()
    )
    port = server.port("submission", "implicit")
    subprocess.run(
        [program("curl"), "-sSk", f"smtps://127.0.0.1:{port}", "--mail-from", user.address,
         "--mail-rcpt", user.address, "--user", f"{user.address}:{user.password}",
         "-T", letter],
        check=True, timeout=60,
    )  # fmt: skip
    assert inbox(server, user)[0].endswith(b"\r\n\r\n.dot\r\n..two\r\nend\r\n")


def test_smtplib_pipelines_a_session_of_many(server: Server, user: User) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
        client.starttls(context=UNVERIFIED)
        for number in range(20):
            client.sendmail("a@example.org", [user.address], f"Subject: {number}\r\n\r\nhi\r\n")
    subjects = [raw.split(b"Subject: ")[1].split(b"\r")[0] for raw in inbox(server, user)]
    assert subjects == [b"%d" % number for number in range(20)]


def test_trace_fields_stand_on_top(server: Server, user: User) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
        client.sendmail("a@example.org", [user.address], "Subject: x\r\n\r\nhi\r\n")
    head = inbox(server, user)[0].split(b"\r\n\r\n")[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert names == [b"Return-Path", b"Delivered-To", b"Received", b"Subject"]
    assert b"Return-Path: <a@example.org>" in head


def test_a_large_message_arrives_whole(server: Server, user: User) -> None:
    text = "".join(f"{number:070d}\r\n" for number in range(200_000))
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=60) as client:
        client.sendmail("a@example.org", [user.address], "Subject: big\r\n\r\n" + text)
    assert inbox(server, user)[0].endswith(b"\r\n\r\n" + text.encode())


def test_idle_hears_of_smtp_within_a_second(server: Server, user: User) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port("imap")) as imap:
        imap.login(user.address, user.password)
        imap.select("INBOX")
        imap.send(b"I IDLE\r\n")
        assert imap.readline().startswith(b"+")
        with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
            client.sendmail("a@example.org", [user.address], "Subject: x\r\n\r\nhi\r\n")
        with prompt(1, server.pid):
            while (line := imap.readline()) != b"* 1 EXISTS\r\n":
                assert line.startswith(b"* "), line
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(b"I OK"):
            pass


def test_message_text_never_reaches_the_log(server: Server, user: User) -> None:
    secret = "xyzzy-secret-text"
    letter = textwrap.dedent(f"""\
        Subject: {secret}

        {secret}
        """)
    with smtplib.SMTP("127.0.0.1", server.port("submission")) as client:
        client.starttls(context=UNVERIFIED)
        client.login(user.address, user.password)
        client.sendmail(user.address, [user.address], letter)
    assert len(inbox(server, user)) == 1
    assert until(lambda: user.address in server.log.read_text())
    log = server.log.read_text()
    assert secret not in log
    assert user.password not in log
