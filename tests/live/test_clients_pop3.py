"""Programs that others wrote fetch mail over POP3: poplib, curl, fetchmail, getmail."""

from __future__ import annotations

import poplib
import smtplib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.live.conftest import User
from tests.live.server import Server
from tests.programs import program


def deliver(server: Server, user: User, count: int) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp")) as client:
        for number in range(count):
            letter = f"From: a@example.org\r\nSubject: {number}\r\n\r\n.dot {number}\r\nend\r\n"
            client.sendmail("a@example.org", [user.address], letter)


def test_poplib_reads_and_deletes(server: Server, user: User) -> None:
    deliver(server, user, 3)
    context = ssl._create_unverified_context()
    pop = poplib.POP3_SSL("127.0.0.1", server.port("pop3", "implicit"), context=context)
    assert {"TOP", "UIDL", "PIPELINING", "UTF8"} <= set(pop.capa())
    pop.user(user.address)
    pop.pass_(user.password)
    assert pop.stat()[0] == 3
    unique = pop.uidl()[1]
    assert len({line.split()[1] for line in unique}) == 3
    lines = pop.retr(2)[1]
    assert lines[-2:] == [b".dot 1", b"end"]
    assert pop.top(3, 1)[1][-1] == b".dot 2"
    pop.dele(1)
    pop.quit()
    again = poplib.POP3("127.0.0.1", server.port("pop3"))
    again.stls(context)
    again.user(user.address)
    again.pass_(user.password)
    assert [line.split()[1] for line in again.uidl()[1]] == [u.split()[1] for u in unique[1:]]
    again.dele(1)
    again.close()
    third = poplib.POP3("127.0.0.1", server.port("pop3"))
    third.user(user.address)
    third.pass_(user.password)
    assert third.stat()[0] == 2, "a deletion counts only after QUIT"
    third.quit()


def test_curl_reads_pop3(server: Server, user: User) -> None:
    deliver(server, user, 1)
    port = server.port("pop3", "implicit")
    done = subprocess.run(
        [program("curl"), "-sSk", f"pop3s://127.0.0.1:{port}/1",
         "--user", f"{user.address}:{user.password}"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.endswith(b"\r\n\r\n.dot 0\r\nend\r\n")


def test_fetchmail_takes_everything_away(server: Server, user: User, tmp_path: Path) -> None:
    deliver(server, user, 4)
    out = tmp_path / "out"
    config = tmp_path / "fetchmailrc"
    config.write_text(
        f'poll 127.0.0.1 protocol pop3 port {server.port("pop3")} username "{user.address}" '
        f'password "{user.password}" sslproto "" fetchall mda "cat >> {out}"\n'
    )
    config.chmod(0o600)
    done = subprocess.run(
        [program("fetchmail"), "-f", config, "--pidfile", tmp_path / "pid", "-i", tmp_path / "ids"],
        capture_output=True, text=True, timeout=60, check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "FETCHMAILHOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [f".dot {number}" in out.read_text() for number in range(4)] == [True] * 4
    pop = poplib.POP3("127.0.0.1", server.port("pop3"))
    pop.user(user.address)
    pop.pass_(user.password)
    assert pop.stat()[0] == 0
    pop.quit()


@pytest.mark.parametrize("kind", ["SimplePOP3SSLRetriever", "SimpleIMAPSSLRetriever"])
def test_getmail_reads_once(server: Server, user: User, tmp_path: Path, kind: str) -> None:
    deliver(server, user, 3)
    mail = tmp_path / "mail"
    mail.mkdir()
    port = server.port("pop3" if "POP3" in kind else "imap", "implicit")
    (tmp_path / "getmailrc").write_text(
        f"[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\n"
        f"username = {user.address}\npassword = {user.password}\n"
        "[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
        f"arguments = ('-c', 'cat > {mail}/$$')\n"
        "[options]\nread_all = false\ndelete = false\n"
    )
    for _ in range(2):
        done = subprocess.run(
            [program("getmail"), "--getmaildir", tmp_path],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(mail.iterdir())) == 3
