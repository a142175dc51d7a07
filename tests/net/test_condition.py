"""What Linux and the SSH server's configuration say, and whether somebody listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.errors import Unavailable
from mailhub.net.condition import LinuxCondition
from mailhub.net.faults import KEPT, Faults
from mailhub.net.reaching import EndpointReach
from mailhub.net.together import ReactorWithin
from tests.fakes import ListLog
from tests.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_memory_is_read(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  2000 kB\nMemAvailable:  500 kB\nHugePages_Total: 0\n")
    assert LinuxCondition("", path).memory() == (500 << 10, 2000 << 10)
    path.write_text("MemTotal: many\n")
    assert LinuxCondition("", path).memory() == (0, 0)
    assert LinuxCondition("", tmp_path / "none").memory() == (0, 0)
    assert LinuxCondition("").clock_is_set() in (True, False)


@pytest.mark.parametrize(
    ("text", "included", "takes"),
    [
        ("", "", True),
        ("#PasswordAuthentication no\n", "", True),
        ("PasswordAuthentication no\n", "", False),
        ("passwordauthentication=NO\nPasswordAuthentication yes\n", "", False),
        ("Match User x\n  PasswordAuthentication no\n", "", True),
        ("Include d/*.conf\nPasswordAuthentication yes\n", "PasswordAuthentication no\n", False),
        ("PasswordAuthentication yes\nInclude d/*.conf\n", "PasswordAuthentication no\n", True),
    ],
)
def test_whether_ssh_takes_passwords(tmp_path: Path, text: str, included: str, takes: bool) -> None:
    path = tmp_path / "sshd_config"
    path.write_text(text)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.conf").write_text(included)
    assert LinuxCondition(str(path)).takes_passwords() is takes


def test_no_ssh_server_takes_nothing(tmp_path: Path) -> None:
    assert LinuxCondition("").takes_passwords() is None
    assert LinuxCondition(str(tmp_path / "none")).takes_passwords() is None
    loops = tmp_path / "loops"
    loops.write_text("Include loops\nPasswordAuthentication no\n")
    assert LinuxCondition(str(loops)).takes_passwords() is False


def test_who_listens_is_reached(loop: Loop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        where = f"tcp:127.0.0.1:{there.getsockname()[1]}"
        reach = EndpointReach(loop.reactor, 0.3)
        assert loop.wait(reach.reach(where)) == b""
        with pytest.raises(Unavailable, match=r"No answer in 0.3 s"):
            loop.wait(reach.reach(where, greeted=True))
    with pytest.raises(Unavailable, match=r"^Connection refused$"):
        loop.wait(reach.reach(where))
    with pytest.raises(Unavailable, match=r"^No such file or directory$"):
        loop.wait(reach.reach("unix:/nowhere/at/all"))
    with pytest.raises(Unavailable, match="no place"):
        loop.wait(reach.reach("nonsense"))


@pytest.mark.parametrize(
    ("said", "line"),
    [(b"220 far.example ESMTP\r\nmore\r\n", b"220 far.example ESMTP"), (b"x" * 900, b"x" * 512)],
)
def test_a_greeting_is_heard(loop: Loop, said: bytes, line: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        there.settimeout(5)
        where = f"tcp:127.0.0.1:{there.getsockname()[1]}"
        heard = Deferred.fromCoroutine(EndpointReach(loop.reactor, 5).reach(where, greeted=True))
        loop.run(0.05)
        peer, _ = there.accept()
        with peer:
            peer.sendall(said)
            assert loop.wait(heard) == line


def test_what_takes_too_long_is_ended(loop: Loop) -> None:
    ended = []

    async def endless() -> None:
        try:
            await Deferred(ended.append)
        finally:
            ended.append("over")

    within = ReactorWithin(loop.reactor)
    with pytest.raises(Unavailable, match=r"No answer in 0.01 s"):
        loop.wait(within(endless(), 0.01))
    assert ended[-1] == "over"


def test_failures_are_remembered_for_a_day() -> None:
    class Time:
        now = 5.0

        def seconds(self) -> float:
            return self.now

    time, log = Time(), ListLog()
    faults = Faults(log, time)
    faults.event("login", outcome="ok")
    faults.event("background-failed", what="reports", error="KeyError", reason="'x'")
    assert faults.recent() == {"reports": "KeyError 'x'"}
    assert len(log.named("background-failed")) == 1
    time.now += KEPT + 1
    assert faults.recent() == {}
