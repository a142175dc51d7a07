"""Backups by restic: made while mail comes in, read again on another machine."""

from __future__ import annotations

import base64
import imaplib
import json
import os
import smtplib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live import storing
from tests.live.outgoing import trusting
from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.live.swift import SECRET, USER, Swift
from tests.programs import program

PASSWORD = "a-Passw0rd-for-tests"
JOE = "joe@mail.test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    program("restic")
    made = Server(tmp_path / "first", sections=PLAIN + '\n[backup]\ntarget = "off"\n')
    made.start()
    made.add_user(JOE, PASSWORD)
    yield made
    made.stop()


def send(server: Server, names: range, size: int = 0) -> None:
    """A message of each name; they are taken when this returns. `size`: of what is at random in
    each, so that no program makes it smaller."""
    with smtplib.LMTP("127.0.0.1", server.port("lmtp")) as client:
        for name in names:
            noise = base64.encodebytes(os.urandom(size)).decode().replace("\n", "\r\n")
            text = f"Subject: {name}\r\n\r\n{'x' * 900}\r\n" * (1 + name % 7) + noise
            assert client.sendmail("far@far.test", [JOE], text) == {}


def messages(server: Server) -> tuple[int, dict[str, bytes]]:
    """UIDVALIDITY of the INBOX, and its messages by subject."""
    port = server.port("imap", "implicit")
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
        imap.login(JOE, PASSWORD)
        imap.select("INBOX")
        validity = int(imap.untagged_responses["UIDVALIDITY"][0])
        _, found = imap.fetch("1:*", "(BODY.PEEK[])")
        texts = [one[1] for one in found if isinstance(one, tuple)]
    return validity, {
        text.split(b"Subject: ")[1].split(b"\r\n")[0].decode(): text for text in texts
    }


def again(
    server: Server, folder: Path, *words: str, address: str = ""
) -> subprocess.CompletedProcess[str]:
    """`mailhub backup restore` into an empty folder, with the first server's key."""
    folder.mkdir()
    (folder / "key").write_text(server.command("backup", "key").stdout)
    where = address or str(server.var / "backup" / "repository")
    given = ("--from", where, "--key-file", str(folder / "key"), *words)
    return blank(folder).command("backup", "restore", *given, check=False)


def blank(folder: Path) -> Server:
    """A machine with a configuration and nothing else."""
    made = Server(folder)
    made.write_config()
    return made


def refused(server: Server, *words: str) -> str:
    """What a command complains of."""
    done = server.command("backup", *words, check=False)
    assert done.returncode == 1
    return done.stderr


@contextmanager
def arriving(server: Server, first: int) -> Iterator[list[str]]:
    """Mail comes all the time, at least some before and some after the first thing is done
    meanwhile; the subjects of what was taken, with those below `first`."""
    stop = threading.Event()
    names = [str(name) for name in range(first)]

    def more() -> None:
        while not stop.is_set():
            send(server, range(len(names), len(names) + 5), size=3000)
            names.extend(str(name) for name in range(len(names), len(names) + 5))

    worker = threading.Thread(target=more)
    worker.start()
    try:
        assert until(lambda: len(names) > first, 30)
        yield names
        taken = len(names)
        assert until(lambda: len(names) > taken, 30)
    finally:
        stop.set()
        worker.join()


def test_it_is_made_while_mail_comes_and_read_elsewhere(server: Server, tmp_path: Path) -> None:
    send(server, range(40))
    server.command("backup", "target", "local", "--keep", "7d")
    with arriving(server, 40) as names:
        first = json.loads(server.command("backup", "run", "--json").stdout)
    sent = len(names)
    second = json.loads(server.command("backup", "run", "--json").stdout)
    third = json.loads(server.command("backup", "run", "--json").stdout)
    if not storing.shared():  # a database is one file: its first piece, of up to 8 MiB, is new
        assert third["added"] < third["size"] / 2, "what was there is not sent again"
    status = json.loads(server.command("backup", "status", "--json").stdout)
    assert [one["id"] for one in status["backups"]] == [one["id"] for one in (third, second, first)]
    assert (status["target"], status["keep"], status["problem"]) == ("local", 7 * 86_400, "")
    assert server.command("backup", "verify", "--all").stdout == "good\n"
    told = server.command("backup", "status").stdout
    assert "verified" in told
    assert "never" not in told
    validity, before = messages(server)
    assert len(before) == sent

    for id, least in ((first["id"], 40), (second["id"], sent)):
        folder = tmp_path / id
        done = again(server, folder, "--snapshot", id)
        assert done.returncode == 0, done.stdout + done.stderr
        copy = Server(folder)
        copy.start()
        try:
            renewed, after = messages(copy)
            assert "backups" in copy.command("backup", "status", "--json").stdout
        finally:
            assert copy.stop() == 0
        assert renewed > validity
        assert least <= len(after) <= sent
        assert after.items() <= before.items()


def test_what_goes_wrong_is_told(server: Server, tmp_path: Path) -> None:
    assert "Backups are off" in refused(server, "run")
    assert "no target" in refused(server, "target", "ftp://x/y")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    server.command("backup", "target", str(blocked / "deeper"))
    said = refused(server, "run")
    assert "not a directory" in said
    problem = json.loads(server.command("backup", "status", "--json").stdout)["problem"]
    assert problem in said
    assert problem
    server.command("backup", "target", "local")
    server.command("backup", "run")
    (tmp_path / "wrong").write_text("another key\n")
    repository = str(server.var / "backup" / "repository")
    words = ("restore", "--from", repository, "--key-file", str(tmp_path / "wrong"))
    assert "wrong password or no key found" in refused(blank(tmp_path / "other"), *words)
    server.stop()
    assert "holds a store already" in refused(server, "restore", "--from", "local")


def test_it_goes_to_an_s3_server_while_mail_comes(server: Server, tmp_path: Path) -> None:
    with Swift(tmp_path / "swift") as s3, pytest.MonkeyPatch.context() as patch:
        address = f"s3+http://127.0.0.1:{s3.port}/box/mail"
        patch.setenv("MAILHUB_BACKUP__SECRET", SECRET)
        server.command("backup", "target", address, "--key", USER)
        with arriving(server, 0) as names:
            taken = set(names)
            made = json.loads(server.command("backup", "run", "--json").stdout)
        assert made["added"] > 0
        assert server.command("backup", "verify", "--all").stdout == "good\n"
        told = server.command("backup", "status").stdout
        assert address in told
        assert SECRET not in told
        folder = tmp_path / "copy"
        done = again(server, folder, "--key", USER, address=address)
        assert "restored" in done.stdout, done.stderr
        assert done.returncode == 0
        patch.setenv("MAILHUB_BACKUP__SECRET", "wrong")
        server.command("backup", "target", address, "--key", USER)
        assert "signature" in refused(server, "run")
    copy = Server(folder)
    copy.start()
    try:
        there = messages(copy)[1]
    finally:
        assert copy.stop() == 0
    assert taken <= there.keys() <= set(names), "all that was taken before, and nothing else"
    assert there.items() <= messages(server)[1].items(), "octet by octet"
