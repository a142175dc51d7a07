"""Backups of a server whose larger messages are in a bucket: all of it comes back when the bucket
and the database are gone, each body goes once, and a bucket that is away harms nothing."""

from __future__ import annotations

import imaplib
import json
import os
import smtplib
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mailhub.store.s3.objects import Objects
from tests.live import storing
from tests.live.peers import open_folder, until
from tests.live.server import PLAIN, Server
from tests.live.swift import SECRET, USER, Swift
from tests.loop import Loop
from tests.programs import program

pytestmark = [pytest.mark.live, pytest.mark.scale]
ADDRESS, PASSWORD = "kept@backup.test", "correct horse"
SIZES = (300, 5_000, 70_000, 1_500_000, 18_000_000)
"""In the database; whole objects; one in parts."""
SECTIONS = """
{plain}
[store]
database = "{database}"

[s3]
endpoint = "{endpoint}"
bucket = "{bucket}"
access_key = "{user}"
secret_file = "{folder}/secret"
inline = 2000
timeout = 2
patience = 3

[archive]
expunged = false

[encryption]
file = "{folder}/keys"

[backup]
target = "off"
program = "{folder}/restic"
niceness = 0
room = 2000000
"""
COUNTING = """#!/bin/sh
test -f "{folder}/slow" && exec {restic} --limit-upload=200 "$@"
exec {restic} "$@"
"""


@dataclass
class House:
    """A server with a bucket. `sent`: octets of messages, by subject."""

    server: Server
    swift: Swift
    folder: Path
    sent: dict[str, bytes] = field(default_factory=dict)

    def send(self, size: int) -> str:
        subject = os.urandom(8).hex()
        line = b64encode(os.urandom(54)) + b"\r\n"
        text = b"Subject: %s\r\n\r\n" % subject.encode()
        text += b64encode(os.urandom(54)) + b"\r\n" + line * (size // len(line))
        with smtplib.LMTP("127.0.0.1", self.server.port("lmtp")) as client:
            assert client.sendmail("far@far.test", [ADDRESS], text) == {}
        self.sent[subject] = text
        return subject

    def expunge(self, subject: str) -> None:
        with imap(self.server) as client:
            _, [found] = client.uid("SEARCH", "SUBJECT", subject)
            client.uid("STORE", found.decode(), "+FLAGS", "(\\Deleted)")
            client.expunge()
        del self.sent[subject]

    def backup(self, *words: str) -> Any:
        return json.loads(self.server.command("backup", *words, "--json").stdout)

    def restic(self, *words: str) -> str:
        """Restic itself."""
        return subprocess.run(
            [program("restic"), *words],
            env={
                **os.environ,
                "RESTIC_REPOSITORY": str(self.folder / "repository"),
                "RESTIC_PASSWORD_FILE": str(self.server.var / "backup" / "key"),
                "RESTIC_CACHE_DIR": str(self.folder / "cache"),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def imap(server: Server) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=60)
    client.login(ADDRESS, PASSWORD)
    client.select()
    return client


def messages(server: Server) -> dict[str, bytes]:
    """What is in the INBOX, by subject, as it was sent: without the trace lines before it."""
    with imap(server) as client:
        _, [uids] = client.uid("SEARCH", "ALL")
        texts = []
        for uid in uids.split():
            _, found = client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
            texts += [one[1] for one in found if isinstance(one, tuple)]
    bare = [text[text.index(b"Subject: ") :] for text in texts]
    return {text[9:25].decode(): text for text in bare}


def section(folder: Path, swift: Swift, bucket: str, database: str) -> str:
    endpoint = f"http://127.0.0.1:{swift.port}"
    return SECTIONS.format(
        plain=PLAIN,
        database=database,
        endpoint=endpoint,
        bucket=bucket,
        user=USER,
        folder=folder,
    )


def objects(swift: Swift, bucket: str, *, delete: bool = False) -> set[int]:
    """What is in a bucket; with `delete`, nothing afterwards."""
    loop = Loop()
    there = Objects(swift.settings(bucket), loop.reactor, time.time)
    there.start()
    found = {segment for segment, _ in loop.wait(there.listed("")).found}
    if delete:
        assert loop.wait(there.delete(sorted(found)), 30) == set()
    loop.wait(there.stop())
    loop.close()
    return found


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    restic = program("restic")
    with open_folder() as folder, Swift(folder / "swift") as swift:
        (folder / "secret").write_text(f"{SECRET}\n")
        (folder / "keys").write_text(f"first:{b64encode(os.urandom(32)).decode()}\n")
        script = folder / "restic"
        script.write_text(COUNTING.format(folder=folder, restic=restic))
        script.chmod(0o755)
        for path in (folder / "secret", folder / "keys"):
            path.chmod(0o644)
        swift.make("first")
        database = storing.database(folder / "server")
        server = Server(folder / "server", section(folder, swift, "first", database))
        server.start()
        try:
            server.add_domain("backup.test")
            server.add_user(ADDRESS, PASSWORD)
            made = House(server, swift, folder)
            for size in SIZES:
                made.send(size)
            server.command("backup", "target", str(folder / "repository"))
            yield made
            assert "Traceback" not in server.log.read_text()
        finally:
            server.kill()


def restored(house: House, name: str) -> dict[str, bytes]:
    """The messages of the newest backup, in a bucket and a database of their own."""
    folder = house.folder / name
    house.swift.make(name)
    database = storing.database(folder)
    copy = Server(folder, section(house.folder, house.swift, name, database))
    copy.write_config()
    key = str(house.server.var / "backup" / "key")
    where = ("--from", str(house.folder / "repository"), "--key-file", key)
    done = copy.command("backup", "restore", *where, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    copy.start()
    try:
        assert copy.command("verify", check=False).returncode == 0
        return messages(copy)
    finally:
        assert copy.stop() == 0


def whole_files(house: House) -> list[Path]:
    """Bodies that take room in the data folder."""
    folder = house.server.var / "backup" / "bodies"
    return [one for one in folder.rglob("*") if one.is_file() and one.stat().st_blocks]


def test_all_of_it_comes_back(house: House) -> None:
    assert messages(house.server) == house.sent
    first = house.backup("run")
    assert first["size"] > sum(SIZES), "in steps of two megabytes, and all of it in the end"
    assert whole_files(house) == []
    assert not json.loads(house.restic("snapshots", "--tag=mailhub-part", "--json"))
    house.send(100_000)
    second = house.backup("run")
    assert 100_000 < second["added"] < 1_000_000, "only what is new is sent"
    assert second["size"] > sum(SIZES)
    assert house.server.command("backup", "verify", "--all").stdout == "good\n"
    assert restored(house, "again") == house.sent


def test_what_is_deleted_leaves_with_the_last_backup_that_has_it(house: House) -> None:
    subject = house.send(900_000)
    first = house.backup("run")
    size = room(house.folder / "repository")
    house.expunge(subject)
    second = house.backup("run")
    assert second["size"] < first["size"] - 850_000, "a little of what is told of it has come"
    assert room(house.folder / "repository") > size - 900_000, "the first one has it"
    house.restic("forget", first["id"])
    house.restic("prune", "--max-unused=0")
    assert room(house.folder / "repository") < size - 800_000
    assert house.server.command("backup", "verify", "--all").stdout == "good\n"


def room(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def test_a_bucket_that_is_away_harms_nothing(house: House) -> None:
    house.backup("run")
    before = house.backup("status")["backups"]
    house.send(500_000)
    house.swift.pause()
    try:
        done = house.server.command("backup", "run", check=False)
        assert done.returncode == 1
        assert "The bucket cannot be read" in done.stderr
    finally:
        house.swift.resume()
    status = house.backup("status")
    assert status["backups"] == before
    assert "The bucket cannot be read" in status["problem"]
    house.backup("run")
    assert house.backup("status")["problem"] == ""
    assert house.server.command("backup", "verify", "--all").stdout == "good\n"


def test_a_kill_in_the_middle_of_the_bodies_costs_nothing(house: House) -> None:
    for _ in range(3):
        house.send(1_200_000)  # two of them are more than there is room for at a time
    before = house.backup("status")["backups"]
    (house.folder / "slow").touch()
    words = ("backup", "run")
    runner = Thread(target=lambda: house.server.command(*words, check=False))
    runner.start()
    # It may end before that: then it was quicker than this machine lets us look.
    until(lambda: bool(whole_files(house)) or not runner.is_alive(), 60)
    house.server.kill()
    runner.join(120)
    (house.folder / "slow").unlink()
    house.server.start()
    made = house.backup("run")
    ids = [one["id"] for one in house.backup("status")["backups"]]
    assert ids[0] == made["id"]
    assert {one["id"] for one in before} < {*ids}
    assert whole_files(house) == []
    assert not json.loads(house.restic("snapshots", "--tag=mailhub-part", "--json"))
    assert house.server.command("backup", "verify", "--all").stdout == "good\n"


def test_only_the_bucket_is_lost(house: House) -> None:
    house.backup("run")
    there = objects(house.swift, "first", delete=True)
    assert len(there) >= len(SIZES) - 1
    where = ("--from", str(house.folder / "repository"))
    said = house.server.command("backup", "restore", "--bodies-only", *where).stdout
    assert f"put {len(there & objects(house.swift, 'first'))} messages into the bucket" in said
    assert messages(house.server) == house.sent
    house.server.command("verify")


def test_all_of_it_comes_back_at_the_end(house: House) -> None:
    house.backup("run")
    (house.server.var / "backup" / "bodies.copy").unlink()  # as on a node that never made one
    house.send(80_000)
    made = house.backup("run")
    assert made["added"] < 1_000_000, "what is there already is not sent again"
    assert restored(house, "once-more") == house.sent
