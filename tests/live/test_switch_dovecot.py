"""A tmail of before, with Dovecot as its IMAP server: a prefix and dots in names, a master user, a
message that the server itself cannot read, and many connections."""

from __future__ import annotations

import imaplib
import json
import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.live.peers import until
from tests.live.server import Server
from tests.ports import free_port

pytestmark = pytest.mark.scale

DOVECOT = Path("/usr/sbin/dovecot")
USERS = tuple(f"u{number}@tm.test" for number in range(4))
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = *
mail_location = maildir:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
passdb {{
  driver = passwd-file
  master = yes
  args = scheme=plain {folder}/masters
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  prefix = INBOX.
  separator = .
  mailbox Gesendet {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
"""


class Dovecot:
    """One that runs in a folder of its own, as nobody where that can be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert DOVECOT.exists(), "the package dovecot-imapd is not installed"
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        group = "nogroup" if os.getuid() == 0 else str(owner.pw_gid)
        (self.folder / "run").mkdir()
        (self.folder / "mail").mkdir()
        (self.folder / "masters").write_text("importer:{PLAIN}m-secret\n")
        config = self.folder / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                port=self.port,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                user=owner.pw_name,
                group=group,
            )
        )
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        self._process = subprocess.Popen([str(DOVECOT), "-F", "-c", str(config)])
        until(self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def login(self, user: str) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        imap.login(user, "secret")
        return imap

    def fill(self, user: str) -> None:
        with self.login(user) as imap:
            for number in range(30):
                text = f"Subject: {number}\r\n\r\nto {user}\r\n".encode()
                flags = (r"(\Seen)", "(Todo $Forwarded)", "")[number % 3]
                imap.append("INBOX", flags, imaplib.Time2Internaldate(1_600_000_000), text)
            imap.create("INBOX.Projekte.&AMQ-rger")
            imap.subscribe("INBOX.Projekte.&AMQ-rger")
            large = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 200_000
            imap.append("INBOX.Projekte.&AMQ-rger", "", imaplib.Time2Internaldate(1), large)
            imap.append("INBOX.Gesendet", r"(\Seen)", imaplib.Time2Internaldate(1), b"S: x\r\n\r\n")

    def maildir(self, user: str) -> Path:
        return self.folder / "mail" / user


class Tmail(BaseHTTPRequestHandler):
    """`GET /users` as tmail's document has it; no aliases, no pages."""

    def do_GET(self) -> None:
        rows = [
            {
                "Id": number,
                "Login": user,
                "Passwd": "",
                "DovePasswd": "",
                "Active": "Y",
                "AuthRelay": True,
                "HaveMailbox": True,
                "MailboxQuota": "1G",
                "Home": f"/mailboxes/t/tm.test/{user}",
            }
            for number, user in enumerate(USERS, 1)
        ]
        found = self.path.partition("?")[0] == "/users"
        body = json.dumps(rows).encode() if found else b'{"msg": "not found", "raw": ""}'
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def tmail() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tmail)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    folder = Path("/tmp") / f"switch-dovecot-{os.getpid()}"  # a folder that nobody may enter
    folder.mkdir(mode=0o755)
    made = Dovecot(folder)
    try:
        made.start()
        for user in USERS:
            made.fill(user)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("switched"))
    made.start()
    try:
        yield made
        assert made.verify() == ""
    finally:
        made.stop()
        assert "Traceback" not in made.log.read_text()


def source(server: Server, tmail: int, dovecot: Dovecot, login: str) -> str:
    file = server.folder / "old.toml"
    file.touch(mode=0o600)
    file.write_text(
        f'kind = "tmail"\n[api]\nurl = "http://127.0.0.1:{tmail}"\nuser = "a"\npassword = "b"\n'
        f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.port}\ntls = "none"\nconnections = 3\n'
        f'login = "{login}"\nmaster = "importer"\npassword = "m-secret"\n'
    )
    return str(file)


def test_everybodys_mail_comes_by_one_master(server: Server, tmail: int, dovecot: Dovecot) -> None:
    file = source(server, tmail, dovecot, "master")
    # A file that its owner may not read is a message that Dovecot cannot give.
    broken = sorted((dovecot.maildir(USERS[0]) / "cur").iterdir())[4]
    broken.chmod(0)

    done = server.command("switch", "run", file, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"+ {USERS[0]}: copied (31 new" in done.stdout
    assert "    - INBOX: UID " in done.stdout
    for user in USERS[1:]:
        assert f"+ {user}: copied (32 new" in done.stdout
    boxes = server.command("mailbox", "list", USERS[1]).stdout
    for name in ("Projekte/Ärger", "Gesendet"):
        assert name in boxes
    verified = server.command("switch", "verify", file, "--account", USERS[1]).stdout
    assert f"= {USERS[1]} INBOX: 30 there, 30 here" in verified

    broken.chmod(0o600)
    with dovecot.login(USERS[1]) as imap:
        imap.select("INBOX")
        imap.store("1:3", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.store("1:5", "+FLAGS", r"(\Flagged)")
        imap.rename("INBOX.Projekte.&AMQ-rger", "INBOX.Projekte.Freude")
    again = server.command("switch", "run", file).stdout
    assert f"+ {USERS[0]}: copied (1 new" in again
    assert f"+ {USERS[1]}: copied (1 new, 5 with other flags, 4 gone)" in again
    assert f"+ {USERS[2]}: copied (0 new, 0 with other flags, 0 gone)" in again
    boxes = server.command("mailbox", "list", USERS[1]).stdout
    assert "Freude" in boxes
    assert "Ärger" not in boxes
    server.command("switch", "verify", file)

    file = source(server, tmail, dovecot, "proxy")
    server.command("switch", "cutover", file, "--all")
    status = server.command("switch", "status", file).stdout
    assert "mail: 4 here" in status
    password = "Live-Passw0rd-1"
    server.command("user", "set", USERS[1], "--password", password)
    with imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=30) as ours:
        ours.login(USERS[1], password)
        ours.select("INBOX", readonly=True)
        here = ours.response("UIDVALIDITY"), ours.fetch("1:*", "(UID RFC822.SIZE INTERNALDATE)")
    with dovecot.login(USERS[1]) as theirs:
        theirs.select("INBOX", readonly=True)
        there = (
            theirs.response("UIDVALIDITY"),
            theirs.fetch("1:*", "(UID RFC822.SIZE INTERNALDATE)"),
        )
    assert here == there
