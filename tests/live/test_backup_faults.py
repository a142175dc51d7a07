"""What goes wrong with backups, on one server: another machine that is away or is not itself, a
full disk, a damaged repository, a wrong key, and a kill in the middle. Each is told in words, what
was kept stays good, and the next one works."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.live.peers import open_folder, until
from tests.live.server import PLAIN, Server
from tests.live.sshd import SSHServer
from tests.live.test_backup import JOE, PASSWORD, blank, messages, send
from tests.programs import program

pytestmark = pytest.mark.scale

SLOW = """#!/bin/sh
test -f "{folder}/slow" && exec {restic} --limit-upload=64 "$@"
test -f "{folder}/small" && ulimit -f 2048
exec {restic} "$@"
"""
SECTIONS = '\n[backup]\ntarget = "off"\nprogram = "{folder}/restic"\nniceness = 0\n'


@dataclass
class Box:
    """A server and a folder for its backups."""

    server: Server
    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def backup(self, *words: str) -> str:
        return self.server.command("backup", *words).stdout

    def refused(self, *words: str) -> str:
        """What a command complains of; the status tells it, too."""
        done = self.server.command("backup", *words, check=False)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def status(self) -> Any:
        return json.loads(self.backup("status", "--json"))

    def api(self) -> Any:
        """The same, as the administration API tells it."""
        port = self.server.port("http", "none")
        proof = base64.b64encode(f"root@mail.test:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/admin/system/backup/status",
            headers={"Authorization": f"Basic {proof}"},
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read())

    def restic(self, *words: str) -> str:
        """Restic itself, on the repository in the folder."""
        return subprocess.run(
            [program("restic"), *words],
            env={
                **os.environ,
                "RESTIC_REPOSITORY": str(self.repository),
                "RESTIC_PASSWORD_FILE": str(self.server.var / "backup" / "key"),
                "RESTIC_CACHE_DIR": str(self.folder / "cache"),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    restic = program("restic")
    with open_folder() as folder:
        script = folder / "restic"
        script.write_text(SLOW.format(folder=folder, restic=restic))
        script.chmod(0o755)
        server = Server(folder / "server", PLAIN + SECTIONS.format(folder=folder))
        server.start()
        try:
            server.add_user(JOE, PASSWORD)
            server.add_user("root@mail.test", PASSWORD, "--role", "admin")
            send(server, range(20))
            yield Box(server, folder)
            assert "Traceback" not in server.log.read_text()
        finally:
            server.kill()


@pytest.fixture(scope="module")
def made(box: Box) -> str:
    """The id of a backup in the folder."""
    box.backup("target", str(box.repository), "--keep", "7d")
    return str(json.loads(box.backup("run", "--json"))["id"])


@pytest.fixture
def kept(box: Box, made: str) -> Box:
    """With a backup in the folder."""
    box.backup("target", str(box.repository), "--keep", "7d")
    return box


def test_another_machine_is_reached_by_ssh_and_has_to_be_itself(box: Box) -> None:
    other = SSHServer(box.folder / "ssh")
    other.start()
    try:
        said = box.backup("target", f"sftp://{other.address}")
        key = next(line for line in said.splitlines() if line.startswith("ssh-ed25519 "))
        assert told(box.refused("run"), "denied")
        other.let_in(key)
        made = json.loads(box.backup("run", "--json"))
        # A way to write it that was there before, and means the same.
        box.backup("target", f"rsync://{other.address}")
        assert [one["id"] for one in box.status()["backups"]] == [made["id"]]

        other.stop()
        assert told(box.refused("run"), "Connection refused")
        other.new_host_key()
        other.start()
        assert told(box.refused("run"), "another host key than before")
        (box.server.var / "backup" / "known-hosts").unlink()
        second = json.loads(box.backup("run", "--json"))
        status = box.status()
        assert [one["id"] for one in status["backups"]] == [second["id"], made["id"]]
        assert status["problem"] == ""
    finally:
        other.stop()


def told(said: str, words: str) -> bool:
    """Restic may end before it hears what SSH says; then all that it can be is told."""
    return words in said or "SSH does not get in" in said


@contextmanager
def small(box: Box) -> Iterator[None]:
    """The target is full after two MiB: a disk of that size, or where nobody may make one, files
    that cannot be larger."""
    where = box.folder / "disk"
    where.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(where)]
    mounted = os.geteuid() == 0 and not subprocess.run(words, capture_output=True).returncode
    try:
        yield
        # There is room from now on.
        (box.folder / "small").unlink(missing_ok=True)
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", str(where)], check=True)
        second = json.loads(box.backup("run", "--json"))
        assert box.status()["backups"][0]["id"] == second["id"]
        assert box.backup("verify", "--all") == "good\n"
    finally:
        if mounted:
            subprocess.run(["umount", str(where)], check=True)


def test_a_full_disk_is_told_and_nothing_is_lost(box: Box) -> None:
    with small(box):
        box.backup("target", str(box.folder / "disk" / "mail"))
        first = json.loads(box.backup("run", "--json"))
        (box.folder / "small").touch()
        before = messages(box.server)[1]
        send(box.server, range(100, 103), size=1 << 20)
        said = box.refused("run")
        assert "no space left" in said or "file too large" in said, said
        status = box.status()
        assert status["problem"] in said
        assert [one["id"] for one in status["backups"]] == [first["id"]]
        told = box.api()
        assert told["error"] == status["problem"]
        assert len(told["backups"]) == 1
        assert before.items() <= messages(box.server)[1].items()


def test_another_key_is_told_everywhere(kept: Box) -> None:
    box = kept
    path = box.server.var / "backup" / "key"
    right = path.read_text()
    path.write_text("another\n")
    try:
        for words in (("run",), ("verify",)):
            assert "wrong password or no key found" in box.refused(*words)
        assert "wrong password or no key found" in box.status()["problem"]
        assert "wrong password or no key found" in box.api()["error"]
    finally:
        path.write_text(right)
    box.backup("run")
    assert box.status()["problem"] == ""


def test_what_is_old_is_forgotten_and_its_room_is_free(kept: Box) -> None:
    box = kept
    size = room(box.repository)
    for days in (9, 30):
        old = box.folder / f"old{days}"
        old.write_bytes(os.urandom(2_000_000))
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - days * 86400))
        box.restic(
            "backup", "-q", "--tag=mailhub", "--host=mail.test", f"--time={moment}", str(old)
        )
    assert room(box.repository) > size + 3_900_000
    last = json.loads(box.backup("run", "--json"))
    left = box.status()["backups"]
    assert left[0]["id"] == last["id"]
    assert min(one["time"] for one in left) > time.time() - 86400
    assert room(box.repository) < size + 1_000_000


def room(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def test_a_kill_in_the_middle_leaves_mail_and_backups_good(kept: Box) -> None:
    box, server = kept, kept.server
    first = box.status()["backups"]
    send(server, range(200, 202), size=1 << 20)
    before = messages(server)[1]
    (box.folder / "slow").touch()
    words = ("backup", "run")
    runner = Thread(target=lambda: server.command(*words, check=False))
    runner.start()
    locks = box.repository / "locks"
    picture = server.var / "backup" / "picture"
    assert until(lambda: picture.is_dir() and backing_up(box), 30)
    assert until(lambda: locked(locks), 30)
    server.kill()
    runner.join(60)
    (box.folder / "slow").unlink()
    assert until(lambda: not backing_up(box), 10), "the program dies with the server"
    assert locked(locks), "it could not clear its lock away"

    server.start()
    second = json.loads(box.backup("run", "--json"))
    ids = [one["id"] for one in box.status()["backups"]]
    assert ids == [second["id"], *(one["id"] for one in first)]
    assert not locked(locks)
    assert box.backup("verify", "--all") == "good\n"
    assert messages(server)[1] == before
    assert not picture.exists()
    assert restored(box) == before


def locked(folder: Path) -> bool:
    """Whether there is a lock; one that was half written when its writer died is none."""
    return any(len(one.name) == 64 for one in folder.iterdir())


def backing_up(box: Box) -> bool:
    """Whether a program works on the repository."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"RESTIC_REPOSITORY={box.repository}".encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def restored(box: Box) -> dict[str, bytes]:
    """The messages of the newest backup, on another machine."""
    folder = box.folder / "copy"
    copy = blank(folder)
    words = ("restore", "--from", str(box.repository), "--key-file")
    copy.command("backup", *words, str(box.server.var / "backup" / "key"))
    copy.start()
    try:
        return messages(copy)[1]
    finally:
        assert copy.stop() == 0


def test_what_is_damaged_is_found(kept: Box) -> None:
    box = kept
    packs = [one for one in (box.repository / "data").rglob("*") if one.is_file()]
    pack = max(packs, key=lambda one: one.stat().st_size)
    pack.chmod(0o600)
    whole = pack.read_bytes()
    pack.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert box.backup("verify") == "good\n", "only who fetches every byte sees this one"
    said = box.refused("verify", "--all")
    assert "repository contains errors" in said
    assert pack.name in said or "does not match" in said
    pack.unlink()
    said = box.refused("verify")
    assert f"{pack.name}: does not exist" in said
