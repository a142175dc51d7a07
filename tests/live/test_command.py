"""The `mailhub` command beside a running server and without one."""

from __future__ import annotations

import imaplib
import json
import mailbox
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.live import storing
from tests.live.conftest import User
from tests.live.server import BIN, Server


def letters(count: int) -> list[bytes]:
    made = []
    for number in range(count):
        message = EmailMessage()
        message["From"] = "ada@example.org"
        message["Subject"] = f"letter {number}"
        message["Message-ID"] = f"<{number}@example.org>"
        message.set_content(f"The text of number {number}.\nFrom here it goes on.\n")
        made.append(message.as_bytes())
    return made


def make_maildir(root: Path, count: int) -> None:
    box = mailbox.Maildir(root)
    for number, data in enumerate(letters(count)):
        entry = mailbox.MaildirMessage(data)
        entry.set_subdir("cur")
        entry.add_flag("S" if number % 2 else "F")
        box.add(entry)
    box.add_folder("Sent.2024").add(letters(1)[0])


def select(server: Server, user: User, name: str = "INBOX") -> imaplib.IMAP4:
    imap = imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=20)
    imap.login(user.address, user.password)
    kind, _ = imap.select(name)
    assert kind == "OK"
    return imap


def count(server: Server, user: User, name: str = "INBOX") -> int:
    found = json.loads(server.command("user", "show", "--json", user.address).stdout)
    return next((box["messages"] for box in found["mailboxes"] if box["name"] == name), 0)


def is_sent_away(imap: imaplib.IMAP4) -> bool:
    """Whether the server ends the session soon."""
    ends = time.monotonic() + 3
    try:
        while time.monotonic() < ends:
            imap.noop()
            time.sleep(0.05)
    except (imaplib.IMAP4.abort, OSError):
        return True
    finally:
        imap.shutdown()
    return False


def test_a_maildir_is_imported_once_however_often(
    server: Server, user: User, tmp_path: Path
) -> None:
    make_maildir(tmp_path / "md", 20)
    done = server.command("import", "maildir", user.address, str(tmp_path / "md"))
    assert done.stdout == "imported 21 messages, 0 were there already\n"
    done = server.command("import", "maildir", user.address, str(tmp_path / "md"))
    assert done.stdout == "imported 0 messages, 21 were there already\n"
    with select(server, user) as imap:
        assert imap.search(None, "SEEN")[1] != [b""]
        kind, answer = imap.fetch("1:*", "(BODY.PEEK[])")
        assert kind == "OK"
        bodies = {part[1] for part in answer if isinstance(part, tuple)}
    assert bodies == {data.replace(b"\n", b"\r\n") for data in letters(20)}
    assert count(server, user, "Sent/2024") == 1


def test_an_import_that_was_killed_goes_on_without_doubles(
    server: Server, user: User, tmp_path: Path
) -> None:
    make_maildir(tmp_path / "md", 400)
    words = [
        str(BIN / "mailhub"), "--config", str(server.config),
        "import", "maildir", user.address, str(tmp_path / "md"),
    ]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 90
    while count(server, user) < 20 and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    server.command(*words[3:])
    assert count(server, user) == 400


def test_export_and_import_give_the_same_mail(server: Server, user: User, tmp_path: Path) -> None:
    make_maildir(tmp_path / "md", 10)
    server.command("import", "maildir", user.address, str(tmp_path / "md"))
    for kind in ("maildir", "mbox"):
        out = tmp_path / kind
        first = server.command("export", kind, user.address, str(out))
        assert first.stdout == "exported 11 messages, 0 were there already\n"
        again = server.command("export", kind, user.address, str(out))
        assert again.stdout == "exported 0 messages, 11 were there already\n"
    by_maildir = mailbox.Maildir(tmp_path / "maildir", create=False)
    assert sorted(entry.as_bytes() for entry in by_maildir) == sorted(letters(10))
    assert sum("S" in entry.get_flags() for entry in by_maildir) == 5
    by_mbox = mailbox.mbox(tmp_path / "mbox" / "INBOX.mbox", create=False)
    assert len(by_mbox) == 10
    server.command(
        "import", "mbox", user.address, str(tmp_path / "mbox" / "INBOX.mbox"), "--mailbox", "Again"
    )
    with select(server, user, "Again") as imap:
        _, answer = imap.fetch("1:*", "(BODY.PEEK[])")
        bodies = [part[1] for part in answer if isinstance(part, tuple)]
    assert sorted(bodies) == sorted(data.replace(b"\n", b"\r\n") for data in letters(10))


def test_an_export_that_was_cut_off_is_mended(server: Server, user: User, tmp_path: Path) -> None:
    make_maildir(tmp_path / "md", 5)
    server.command("import", "maildir", user.address, str(tmp_path / "md"))
    server.command("export", "mbox", user.address, str(tmp_path / "out"))
    path = tmp_path / "out" / "INBOX.mbox"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b"From half a mess")
    server.command("export", "mbox", user.address, str(tmp_path / "out"))
    assert path.read_bytes() == whole


def test_a_remote_account_is_imported_and_continued(
    server: Server, user: User, new_user: Callable[[], User], tmp_path: Path
) -> None:
    """From one account of this server into another, as if it were elsewhere."""
    make_maildir(tmp_path / "md", 12)
    server.command("import", "maildir", user.address, str(tmp_path / "md"))
    target = new_user()
    words = [
        str(BIN / "mailhub"), "--config", str(server.config), "import", "imap", target.address,
        "127.0.0.1", "--port", str(server.port("imap", "implicit")), "--no-verify",
        "--remote-user", user.address, "--password-stdin",
    ]  # fmt: skip

    def copy() -> str:
        done = subprocess.run(
            words, input=user.password + "\n", text=True, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert copy() == "imported 13 messages, 0 were there already\n"
    assert copy() == "imported 0 messages, 0 were there already\n"
    assert count(server, target) == 12
    assert count(server, target, "Sent/2024") == 1
    with select(server, user) as imap:
        imap.append("INBOX", "(\\Seen)", "", b"Subject: late\r\n\r\nx\r\n")
    assert copy() == "imported 1 messages, 0 were there already\n"
    with select(server, target) as imap:
        assert imap.search(None, "SUBJECT late SEEN")[1] == [b"13"]


def test_changes_reach_sessions_that_run(server: Server, user: User) -> None:
    imap = select(server, user)
    server.command("user", "set", user.address, "--password", "Another-Passw0rd-2")
    assert is_sent_away(imap)


def test_renumbered_mailboxes_are_read_anew(server: Server, user: User, tmp_path: Path) -> None:
    def validity(imap: imaplib.IMAP4) -> int:
        return int(imap.response("UIDVALIDITY")[1][0])

    make_maildir(tmp_path / "md", 3)
    server.command("import", "maildir", user.address, str(tmp_path / "md"))
    before = select(server, user)
    old = validity(before)
    done = server.command("mailbox", "renumber", user.address)
    assert re.fullmatch(r"renumbered \d+ mailboxes of 1 users\n", done.stdout)
    assert is_sent_away(before)
    with select(server, user) as imap:
        assert validity(imap) > old
        assert imap.uid("SEARCH", "ALL")[1] == [b"1 2 3"]
    assert "renumbered" in server.command("mailbox", "renumber", "--all").stdout
    with select(server, user) as imap:
        assert validity(imap) > old
    refused = server.command("mailbox", "renumber", check=False)
    assert "Name a user, or --all." in refused.stderr


def test_errors_are_one_line_and_a_status(server: Server) -> None:
    done = server.command("user", "show", "nobody@live.test", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "mailhub: No such account\n")
    done = server.command(
        "user", "add", "x@elsewhere.test", "--password", "Secret-123", check=False
    )
    assert done.returncode == 1
    assert done.stderr == "mailhub: The domain is not on this server\n"


def test_verify_runs_beside_the_server(server: Server) -> None:
    assert server.command("verify").stdout.startswith("good: ")
    done = server.command("verify", "--repair", check=False)
    assert done.returncode == 1
    refused = "Servers work on this database" if storing.shared() else "is in use by process"
    assert refused in done.stderr


# -- without a server


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """A folder with a configuration and a store, and nothing that runs."""
    server = Server(tmp_path / "hub", cold=True)
    server.start()
    server.stop()
    yield server
    server.kill()


def test_the_same_commands_work_without_a_server(alone: Server, tmp_path: Path) -> None:
    alone.add_domain("alone.test")
    alone.add_user("ada@alone.test", "Secret-1234")
    make_maildir(tmp_path / "md", 30)
    for imported, known in ((31, 0), (0, 31)):
        done = alone.command("import", "maildir", "ada@alone.test", str(tmp_path / "md"))
        assert done.stdout == f"imported {imported} messages, {known} were there already\n"
    assert alone.verify() == ""
    assert alone.command("verify", "--repair").returncode == 0
    alone.start()
    assert count(alone, User("ada@alone.test", "")) == 30


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can become another user")
def test_root_does_it_as_the_folders_owner() -> None:
    """What standard error is belongs to root then: it cannot be opened again by its name."""
    folder = Path(tempfile.mkdtemp(prefix="mailhub-owner-"))
    try:
        folder.chmod(0o755)  # pytest's own folders let nobody else in
        server = Server(folder / "hub", cold=True)
        server.start()
        server.stop()
        for path in (folder / "hub", *(folder / "hub").rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        server.add_domain("owned.test")
        assert "owned.test" in server.command("domain", "list").stdout
        store = folder / "hub" / "var"
        assert {path.owner() for path in store.rglob("*")} == {"nobody"}
    finally:
        shutil.rmtree(folder)


def test_two_commands_wait_for_each_other(alone: Server) -> None:
    words = [str(BIN / "mailhub"), "--config", str(alone.config), "domain", "add"]
    running = [subprocess.Popen([*words, f"d{number}.test"]) for number in range(3)]
    assert [process.wait(180) for process in running] == [0, 0, 0]
    names = alone.command("domain", "list").stdout
    assert all(f"d{number}.test" in names for number in range(3))


def test_init_then_serve(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "mailhub", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    made = run("init", "--domain", "first.test")
    assert made.returncode == 0, made.stderr
    assert "made admin@first.test, an administrator" in made.stdout
    kept = json.loads((tmp_path / "var" / "initial-admin.json").read_text())
    assert kept["password"] in made.stdout
    assert run("config", "check").stdout == "mailhub.toml: good\n"
    again = run("init", "--domain", "second.test")
    assert "nothing was changed" in again.stdout
    assert run("domain", "list").stdout.startswith("first.test")

    config = tmp_path / "mailhub.toml"
    config.write_text(
        '[[listener]]\nservice = "imap"\nendpoint = "tcp:0:interface=127.0.0.1"\ntls = "starttls"\n'
        "[imap]\nplaintext_auth = true\n"
    )
    process = subprocess.Popen(
        [BIN / "mailhub", "serve"], cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    ready = tmp_path / "var" / "run" / "mailhub.json"
    try:
        ends = time.monotonic() + 90
        while not ready.exists() and time.monotonic() < ends:
            time.sleep(0.05)
        about = json.loads(ready.read_text())
        assert about["pid"] == process.pid
        imap = imaplib.IMAP4("127.0.0.1", about["listeners"][0]["port"], timeout=20)
        assert imap.login(kept["address"], kept["password"])[0] == "OK"
        imap.logout()
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0


BROKEN = """
import sys
import tempfile
from mailhub import alone, commanded
def broken(*_):
    raise ValueError("a part is broken")
commanded.services = broken
sys.exit(alone.main(int(sys.argv[1]), sys.argv[2], None))
"""


def test_a_command_that_cannot_begin_ends_and_says_why(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            words = [sys.executable, "-c", BROKEN, str(theirs.fileno()), str(tmp_path / "var")]
            process = subprocess.Popen(words, pass_fds=[theirs.fileno()], cwd=tmp_path)
        ours.settimeout(20)
        assert json.loads(ours.recv(1000))["text"] == "a part is broken"
        assert process.wait(20) == 1
