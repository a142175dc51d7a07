"""Folders of two processes and what is kept for both: a change in one comes to the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.kept import Kept
from mailhub.net.keptfolder import KeptFolder
from tests.fakes import ListLog
from tests.support import run

KEY, CERTIFICATE = "tls/system.key", "tls/self-signed.crt"
INSTALLED = "tls/installed/ab.crt"


class Shelf:
    """`ports.KeptFiles` in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Kept] = {}
        self.away = False
        self.asked = 0

    async def versions(self) -> Mapping[str, int]:
        if self.away:
            raise Unavailable
        return {name: file.version for name, file in self.files.items()}

    async def some(self, names: Sequence[str]) -> Sequence[Kept]:
        return [self.files[name] for name in names]

    async def put(self, files: Sequence[Kept]) -> Sequence[Kept]:
        taken = []
        for file in files:
            known = self.files.get(file.name)
            if (known.version if known else 0) == file.version:
                self.files[file.name] = replace(file, version=file.version + 1)
                taken.append(self.files[file.name])
        return taken

    def agree(self, files: Sequence[Kept]) -> Sequence[Kept]:
        self.asked += 1
        run(self.put(files))
        return list(self.files.values())


class Process:
    """A data folder and its keeper."""

    def __init__(self, folder: Path, shelf: Shelf, files: Mapping[str, str]) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            self.write(name, text)
        self.shelf = shelf
        self.came = 0
        self.start()

    def start(self) -> None:
        self.kept = KeptFolder(self.folder, self.shelf, ListLog())
        self.kept.begin()
        self.kept.watch(self._came)

    def _came(self) -> None:
        self.came += 1

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh")
        fresh.write_text(text)
        os.replace(fresh, path)

    def read(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def look(self) -> None:
        run(self.kept.look())


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def one(tmp_path: Path, shelf: Shelf) -> Process:
    files = {KEY: "key of one", CERTIFICATE: "certificate of one"}
    return Process(tmp_path / "one", shelf, files)


@pytest.fixture
def two(tmp_path: Path, shelf: Shelf, one: Process) -> Process:
    files = {KEY: "key of two", CERTIFICATE: "certificate of two"}
    return Process(tmp_path / "two", shelf, files)


def test_who_comes_second_takes_what_the_first_has(one: Process, two: Process) -> None:
    assert (one.read(KEY), one.read(CERTIFICATE)) == ("key of one", "certificate of one")
    assert (two.read(KEY), two.read(CERTIFICATE)) == ("key of one", "certificate of one")
    assert two.came == 0  # nobody can watch yet; who does is told at once
    assert (two.folder / KEY).stat().st_mode & 0o777 == 0o600


def test_a_secret_is_the_same_for_all(one: Process, two: Process) -> None:
    one.write("srs.json", "secret of one")
    two.write("srs.json", "secret of two")
    one.kept.settle("srs.json")
    two.kept.settle("srs.json")
    assert two.read("srs.json") == one.read("srs.json") == "secret of one"
    asked = one.shelf.asked
    one.kept.settle("srs.json")
    assert one.shelf.asked == asked


def test_a_change_comes_to_the_other(one: Process, two: Process) -> None:
    one.write("system.json", "changed")
    one.look()
    came = two.came
    two.look()
    assert two.read("system.json") == "changed"
    assert two.came == came + 1
    two.write("system.json", "changed back")
    two.look()
    one.look()
    assert one.read("system.json") == "changed back"


def test_what_does_not_change_is_not_put_again(one: Process, two: Process) -> None:
    before = dict(one.shelf.files)
    for process in (one, two, one):
        process.look()
    assert one.shelf.files == before


def test_certificates_are_taken_away_with_their_file(one: Process, two: Process) -> None:
    one.write(INSTALLED, "pem")
    one.look()
    two.look()
    assert two.read(INSTALLED) == "pem"
    (two.folder / INSTALLED).unlink()
    two.look()
    one.look()
    assert one.read(INSTALLED) is None
    two.look()
    assert two.read(INSTALLED) is None
    two.write(INSTALLED, "pem")
    two.look()
    one.look()
    assert one.read(INSTALLED) == "pem"


def test_other_files_come_back(one: Process) -> None:
    (one.folder / KEY).unlink()
    one.look()
    one.look()
    assert one.read(KEY) == "key of one"


def test_of_two_changes_at_once_the_first_stays(one: Process, two: Process) -> None:
    one.write("system.json", "by one")
    two.write("system.json", "by two")
    one.look()
    two.look()
    two.look()
    assert two.read("system.json") == "by one"


def test_what_was_written_before_a_crash_is_told_at_the_next_start(
    one: Process, two: Process
) -> None:
    one.write("system.json", "known")
    one.look()
    two.look()
    one.write("system.json", "written, and then it fell")
    one.start()
    two.look()
    assert two.read("system.json") == "written, and then it fell"


def test_what_others_did_while_a_process_was_down_is_taken_at_its_start(
    one: Process, two: Process
) -> None:
    one.write(INSTALLED, "pem")
    one.look()
    two.look()
    (one.folder / INSTALLED).unlink()
    one.write("system.json", "new")
    one.look()
    two.start()
    assert (two.read(INSTALLED), two.read("system.json")) == (None, "new")


def test_what_is_a_processes_own_is_left_alone(one: Process, shelf: Shelf) -> None:
    for name in ("node.json", "initial-admin.json", "../x.json", "store/x.json", "/etc/x.json"):
        shelf.files[name] = Kept(name, b"evil", 1)
    one.look()
    one.start()
    assert not any(one.read(name) for name in ("node.json", "initial-admin.json", "store/x.json"))
    assert not (one.folder.parent / "x.json").exists()


def test_a_store_that_is_away_is_waited_for(one: Process, shelf: Shelf) -> None:
    shelf.away = True
    one.write("system.json", "changed")
    one.look()
    shelf.away = False
    one.look()
    assert shelf.files["system.json"].octets == b"changed"
