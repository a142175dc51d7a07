"""Programs that get mail: what they are given, how their ends are read, and what bounds them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.process import reapAllProcesses

from mailhub.model.errors import Corrupt
from mailhub.model.outbound import Answer
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.settings import ProgramSettings
from mailhub.net.programs import PIECE, ProcessPrograms
from tests.fakes import ListLog
from tests.loop import Loop

pytestmark = pytest.mark.thorough

ENTRY = QueueEntry(
    number=3,
    message=2,
    sender=QueueSender("a@remote.example", message_id="<1@remote.example>", transaction="0123abcd"),
    recipient="cmd@example.org",
    notify=(),
    orcpt="",
    size=10,
    created=1,
    due=1,
    attempts=1,
)
HEAD = b"Return-Path: <a@remote.example>\nDelivered-To: cmd@example.org\n"


class Letter:
    """`ports.Message` in memory."""

    plain = False

    def __init__(self, data: bytes, broken: bool = False) -> None:
        self._data = data
        self._broken = broken

    @property
    def size(self) -> int:
        return len(self._data)

    async def read(self, start: int, stop: int) -> bytes:
        if self._broken and start:
            raise Corrupt
        return self._data[start:stop]


class Bench:
    """A folder of scripts and what runs them."""

    def __init__(self, folder: Path, **changes: object) -> None:
        self.loop = Loop()
        self.folder = folder
        self.out = folder / "out"
        self.log = ListLog()
        given = {"enabled": True, "folder": str(folder), "timeout": 20, **changes}
        settings = ProgramSettings(**given)  # type: ignore[arg-type]
        self.programs = ProcessPrograms(settings, self.loop.reactor, self.log)

    def script(self, text: str, name: str = "script") -> str:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return name

    def begin(self, *argv: str, message: bytes = b"", broken: bool = False) -> list[Answer]:
        answers: list[Answer] = []
        letter = Letter(message, broken)
        work = ensureDeferred(self._one(argv, letter))
        work.addCallback(answers.append)
        work.addErrback(lambda failure: failure.printTraceback())
        return answers

    async def _one(self, argv: tuple[str, ...], letter: Letter) -> Answer:
        return await self.programs.run(argv, ENTRY, letter)

    def wait(self, answers: list[Answer]) -> Answer:
        def ended() -> bool:
            reapAllProcesses()
            return bool(answers)

        self.loop.until(ended, 20)
        return answers[0]

    def run(self, *argv: str, message: bytes = b"", broken: bool = False) -> Answer:
        return self.wait(self.begin(*argv, message=message, broken=broken))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(tmp_path)
    reapAllProcesses()


def test_it_gets_the_message_with_the_line_ends_of_this_system(bench: Bench) -> None:
    bench.script(f"cat > {bench.out}")
    assert bench.run("script", message=b"A: b\r\n\r\nhi\rx\r\n").delivered
    assert bench.out.read_bytes() == HEAD + b"A: b\n\nhi\rx\n"


@pytest.mark.parametrize("extra", [0, 1, -1, 2, 100])
def test_pieces_come_whole(bench: Bench, extra: int) -> None:
    """A CRLF that two pieces share is one line end."""
    bench.script(f"cat > {bench.out}")
    message = (b"x" * (PIECE - 1) + b"\r\n") * 3 + b"y" * (PIECE + extra) + b"\r"
    assert bench.run("script", message=message).delivered
    assert bench.out.read_bytes() == HEAD + message.replace(b"\r\n", b"\n")


def test_words_are_words_and_nothing_is_expanded(bench: Bench) -> None:
    bench.script(f'printf "%s|" "$@" > {bench.out}')
    assert bench.run("script", "a b", "$HOME", "; rm -rf x", "*", "").delivered
    assert bench.out.read_text() == "a b|$HOME|; rm -rf x|*||"


def test_its_environment_is_what_is_promised_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILHUB_TEST_SECRET", "s3cret")
    bench.script(f"env > {bench.out}; pwd >> {bench.out}")
    assert bench.run("script").delivered
    lines = bench.out.read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines[:-1])
    for name in ("PWD", "OLDPWD", "SHLVL", "_"):  # a shell adds these itself
        told.pop(name, None)
    assert told == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "SENDER": "a@remote.example",
        "RECIPIENT": "cmd@example.org",
        "LOCAL": "cmd",
        "DOMAIN": "example.org",
        "MESSAGE_ID": "<1@remote.example>",
        "TRANSACTION": "0123abcd",
        "ATTEMPT": "2",
    }
    assert lines[-1] == str(bench.folder)


@pytest.mark.parametrize(
    ("end", "code", "status", "text"),
    [
        ("exit 0", 250, "2.0.0", "Delivered to the program"),
        ("echo kept as 7; exit 0", 250, "2.0.0", "kept as 7"),
        ("exit 4", 451, "4.3.0", "The program ended with status 4"),
        ("echo later >&2; exit 4", 451, "4.3.0", "later"),
        ("exit 5", 554, "5.3.0", "The program ended with status 5"),
        ("printf 'no\\r\\n such\\033 box'; exit 5", 554, "5.3.0", "no such? box"),
        ("exit 1", 451, "4.3.0", "The program ended with status 1"),
        ("exit 75", 451, "4.3.0", "The program ended with status 75"),
        ("exit 100", 451, "4.3.0", "The program ended with status 100"),
        ("kill -9 $$", 451, "4.3.0", "The program died of signal 9."),
    ],
)
def test_ends(bench: Bench, end: str, code: int, status: str, text: str) -> None:
    bench.script(f"cat >/dev/null; {end}")
    answer = bench.run("script", message=b"x")
    assert (answer.code, answer.status, answer.text) == (code, status, text)
    assert answer.permanent is (code == 554)


def test_one_that_does_not_read_decides_all_the_same(bench: Bench) -> None:
    bench.script("exit 0")
    assert bench.run("script", message=b"x" * (PIECE * 8)).delivered
    bench.script("exit 5", "other")
    assert bench.run("other", message=b"x" * (PIECE * 8)).permanent


def test_what_it_says_is_bounded(bench: Bench) -> None:
    bench.script("yes | head -c 3000000")
    assert 100 < len(bench.run("script").text) <= 1000


def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    bench = Bench(tmp_path, timeout=1)
    bench.script(f"sleep 60 & echo $! > {bench.out}; wait")
    began = time.monotonic()
    answer = bench.run("script")
    assert (answer.status, answer.text) == (
        "4.3.0",
        "The program was ended: it took over 1 seconds",
    )
    assert time.monotonic() - began < 15
    child = int(bench.out.read_text())
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_a_child_that_stays_does_not_hold_the_answer(bench: Bench) -> None:
    bench.script(f"sleep 30 & echo $! > {bench.out}; exit 0")
    began = time.monotonic()
    assert bench.run("script").delivered
    assert time.monotonic() - began < 15
    os.kill(int(bench.out.read_text()), 9)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ({"cpu": 1}, "while :; do :; done"),
        ({"memory": 64 << 20}, "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}"),
        ({"files": 1000}, "head -c 2000 /dev/zero > big || exit 4"),
    ],
)
def test_limits(tmp_path: Path, limit: dict[str, int], text: str) -> None:
    bench = Bench(tmp_path, **limit)
    bench.script(text)
    answer = bench.run("script")
    assert not answer.delivered
    assert not answer.permanent


def test_a_message_that_cannot_be_read_is_never_taken_for_whole(bench: Bench) -> None:
    bench.script("cat > /dev/null; exit 0")
    answer = bench.run("script", message=b"x" * (PIECE * 3), broken=True)
    assert (answer.status, answer.text) == (
        "4.3.0",
        "The program was ended: the message cannot be read",
    )


@pytest.mark.parametrize("name", ["absent", "folder", "plain", "link", "../outside", "/bin/true"])
def test_only_programs_of_the_folder_are_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "programs"
    (folder / "folder").mkdir(parents=True)
    bench = Bench(folder)
    (folder / "plain").write_text("#!/bin/sh\n")
    (folder / "link").symlink_to("/bin/true")
    outside = tmp_path / "outside"
    outside.write_text("#!/bin/sh\n")
    outside.chmod(0o755)
    answer = bench.run(name)
    assert (answer.status, answer.text) == ("4.3.0", f"There is no program {name}")


def test_an_unusable_interpreter(bench: Bench) -> None:
    path = bench.folder / "bad"
    path.write_text("#!/nowhere/interpreter\n")
    path.chmod(0o755)
    assert bench.run("bad").text.startswith("cannot run: ")


def test_switched_off_means_later(tmp_path: Path) -> None:
    for settings in (ProgramSettings(), replace(ProgramSettings(), enabled=True)):
        bench = Bench(tmp_path)
        bench.programs = ProcessPrograms(settings, bench.loop.reactor, bench.log)
        answer = bench.run("script")
        assert (answer.status, answer.delivered) == ("4.3.0", False)


def test_so_many_run_at_once_and_the_others_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path, concurrency=1)
    bench.script(f"echo in >> {bench.out}; sleep 0.2; echo out >> {bench.out}")
    both = [bench.begin("script"), bench.begin("script")]
    for answers in both:
        assert bench.wait(answers).delivered
    assert bench.out.read_text().split() == ["in", "out", "in", "out"]


def test_a_stop_ends_what_runs(bench: Bench) -> None:
    bench.script(f"touch {bench.out}; sleep 60")
    answers = bench.begin("script")
    bench.loop.until(bench.out.exists)
    bench.loop.wait(bench.programs.stop())
    assert bench.wait(answers).text == "The program was ended: the server stops"
    assert bench.run("script").text == "Programs are not run now"


def test_the_log_tells_which_and_how(bench: Bench) -> None:
    bench.script("exit 5")
    bench.run("script", "--password=s3cret")
    (event,) = bench.log.named("program")
    assert (event["program"], event["outcome"], event["entry"]) == ("script", "5.3.0", 3)
    assert "s3cret" not in str(event)
