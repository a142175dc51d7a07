"""Disks that fill up, turn read-only, or lose the end of a file, under a live server."""

from __future__ import annotations

import os
import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.crash.disk import LoopDisk
from tests.live.crash.ledger import Ledger
from tests.live.crash.load import Target, inspect, message, open_imap
from tests.live.crash.test_crash import need_root_and_loop_devices
from tests.live.server import Server

pytestmark = pytest.mark.crash
DOMAIN, PASSWORD = "crash.test", "crash-Passw0rd-1"


def target(server: Server) -> Target:
    return Target(server.port("smtp"), server.port("lmtp"), server.port("imap"), PASSWORD, DOMAIN)


def prepare(server: Server) -> None:
    server.start()
    server.add_domain(DOMAIN)
    server.add_user(f"d0@{DOMAIN}", PASSWORD)
    os.sync()


def deliver(server: Server, identity: str, size: int) -> tuple[int, bytes]:
    """The answer to the message's end."""
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=20) as client:
        client.ehlo()
        client.mail("crash@example.org")
        code, text = client.rcpt(f"d0@{DOMAIN}")
        return client.data(message(identity, size)) if code == 250 else (code, text)


def fill(server: Server, most: int, size: int = 100_000) -> tuple[list[str], tuple[int, bytes]]:
    """Delivers until the server refuses; the ids it took, and the refusal."""
    taken = []
    for number in range(most):
        identity = f"fill-{number}"
        code, text = deliver(server, identity, size)
        if code != 250:
            return taken, (code, text)
        taken.append(identity)
    raise AssertionError("the disk never filled up")


def ids(server: Server) -> list[str]:
    ledger = Ledger("d0")
    problems = inspect(target(server), ledger)
    assert [line for line in problems if "should not be" not in line] == []
    return [identity for _, identity in ledger.state]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder whose `var` is a tmpfs of 16 MiB."""
    if os.geteuid():
        pytest.skip("needs root to mount a small disk")
    var = tmp_path / "hub" / "var"
    var.mkdir(parents=True)
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=16m", "none", var], check=True)
    try:
        yield tmp_path / "hub"
    finally:
        subprocess.run(["/bin/umount", "-l", var], check=True)


def test_a_full_disk_refuses_for_now_and_heals(small_disk: Path) -> None:
    server = Server(small_disk)
    try:
        prepare(server)
        taken, (code, text) = fill(server, 300)
        assert (code, text[:5]) == (452, b"4.3.1")
        assert len(taken) > 20
        assert sorted(ids(server)) == sorted(taken)
        imap = open_imap(target(server), "d0")
        assert imap.append("INBOX", "", None, message("full", 3_000_000))[0] == "NO"  # type: ignore[arg-type]
        imap.select("INBOX")
        assert imap.store("1:5", "+FLAGS", "(\\Deleted)")[0] == "OK"
        assert imap.expunge()[0] == "OK"
        imap.logout()
        var = small_disk / "var"
        subprocess.run(["/bin/mount", "-o", "remount,size=64m", var], check=True)
        assert deliver(server, "after", 100_000)[0] == 250
        assert sorted(ids(server)) == sorted([*taken[5:], "after"])
        assert server.stop() == 0
        assert server.verify() == ""
    finally:
        server.kill()


def test_a_disk_that_turned_read_only_serves_and_takes_nothing(tmp_path: Path) -> None:
    need_root_and_loop_devices(tmp_path)
    disk = LoopDisk(tmp_path, 128)
    disk.create()
    server = Server(disk.mount_point / "hub")
    try:
        prepare(server)
        assert deliver(server, "before", 1000)[0] == 250
        disk.fail()
        code, text = deliver(server, "meanwhile", 1000)
        assert (code, text[:3]) == (451, b"4.3")
        imap = open_imap(target(server), "d0")
        imap.select("INBOX")
        assert len(imap.fetch("1:*", "(BODY.PEEK[])")[1]) == 2
        assert imap.store("1", "+FLAGS", "(\\Seen)")[0] == "NO"
        imap.logout()
        server.kill()
        disk.unmount()
        disk.mount()
        server.start()
        assert ids(server) == ["before"]
        assert deliver(server, "after", 1000)[0] == 250
        assert server.stop() == 0
        assert server.verify() == ""
    finally:
        server.kill()
        disk.remove()


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"MHS1 and then nothing of worth", b"x" * 70])
def test_a_torn_segment_tail_is_left_behind(tmp_path: Path, tail: bytes) -> None:
    server = Server(tmp_path / "hub")
    try:
        prepare(server)
        assert deliver(server, "before", 1000)[0] == 250
        server.kill()
        last = max((server.var / "store" / "segments").glob("*.segment"))
        with last.open("ab") as segment:
            segment.write(tail)
        server.start()
        assert deliver(server, "after", 1000)[0] == 250
        assert sorted(ids(server)) == ["after", "before"]
        assert server.stop() == 0
        assert server.verify() == ""
    finally:
        server.kill()


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_checkpoint_killed_half_way_loses_nothing(tmp_path: Path, number: int) -> None:
    server = Server(tmp_path / "hub")
    taken: list[str] = []
    try:
        prepare(server)
        database = server.var / "store" / "mail.sqlite"
        tracer = subprocess.Popen(
            ["/usr/bin/strace", "-f", "-p", str(server.pid), "-P", database, "-o",
             tmp_path / "strace.out", "-e", "trace=pwrite64",
             "-e", f"inject=pwrite64:signal=SIGKILL:when={number}"],
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert tracer.stderr is not None
        while b"attached" not in tracer.stderr.readline():
            assert tracer.poll() is None
        with suppress(OSError, smtplib.SMTPException):
            while len(taken) < 3000:
                identity = f"load-{len(taken)}"
                assert deliver(server, identity, 30_000)[0] == 250
                taken.append(identity)
        assert server.ended_within(20), "no checkpoint came"
        tracer.wait(10)
        server.kill()
        server.start()
        found = ids(server)
        assert set(taken) <= set(found) <= {*taken, f"load-{len(taken)}"}
        assert len(found) == len(set(found))
        assert server.stop() == 0
        assert server.verify() == ""
    finally:
        server.kill()
