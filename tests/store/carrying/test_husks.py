"""Files of bodies and their husks: what is wanted is there, and nothing is taken for a body."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailhub.model.errors import Corrupt
from mailhub.store.carrying import lists
from mailhub.store.carrying.husks import STAMP, BodyFolder, leaf
from mailhub.store.carrying.lists import Body
from mailhub.store.s3.names import number


def body(count: int, size: int = 5, *, sealed: bool = False) -> Body:
    return Body(number(count, count * 7919, sealed=sealed), size)


BODIES = [*map(body, (1, 2, 127, 128, 129, 600_000, 600_001)), body(3, 9, sealed=True)]
"""In the order of their numbers: sealed ones come last."""


@pytest.fixture
def folder(tmp_path: Path) -> BodyFolder:
    made = BodyFolder(tmp_path / "bodies")
    made.clear()
    return made


def files(folder: BodyFolder) -> dict[str, os.stat_result]:
    found = (path for path in folder.folder.rglob("*") if path.is_file())
    return {path.name: path.stat() for path in found}


def put(folder: BodyFolder, one: Body) -> None:
    folder.fresh(one).write_bytes(b"x" * one.size)
    folder.took(one)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "list"
    lists.write(path, "00ab", BODIES)
    assert path.stat().st_mode & 0o777 == 0o600
    assert lists.bucket(path) == "00ab"
    assert list(lists.read(path)) == BODIES
    assert sorted(BODIES, key=lambda one: one.name) == BODIES
    assert [one.segment for one in BODIES] == sorted(one.segment for one in BODIES)


@pytest.mark.parametrize("line", ["x 1\n", "0000000000200001\n", "0000000000200001 -1\n", "\n"])
def test_a_damaged_list_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list"
    lists.write(path, "", BODIES[:1])
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(Corrupt):
        list(lists.read(path))
    path.write_text(line)
    with pytest.raises(Corrupt):
        lists.bucket(path)


def test_a_name_is_a_body_s_or_none_s() -> None:
    for one in BODIES:
        assert lists.body_of(one.name, one.size) == one
    for name in ("", "12", "x" * 16, "f" * 16, "-" + "0" * 15, "0000000000200001.fresh"):
        assert lists.body_of(name, 1) is None


def test_neighbors_share_a_folder() -> None:
    assert leaf(BODIES[0]) == leaf(BODIES[1]) == leaf(BODIES[2])
    assert len({leaf(one) for one in BODIES}) == 4


def test_what_is_kept_takes_no_room_and_nobody_may_read_it(folder: BodyFolder) -> None:
    assert list(folder.settle(BODIES)) == BODIES
    for one in BODIES:
        put(folder, one)
    assert {about.st_mode & 0o777 for about in files(folder).values()} == {0o400}
    folder.hollow("copy", BODIES)
    assert folder.copy == "copy"
    for one in BODIES:
        about = files(folder)[one.name]
        assert about.st_size == one.size
        assert (about.st_blocks, about.st_mode & 0o777, about.st_mtime_ns) == (0, 0, STAMP * 10**9)
    assert list(folder.settle(BODIES)) == []


def test_what_is_not_wanted_goes_and_what_is_missing_is_told(folder: BodyFolder) -> None:
    folder.rebuild("copy", BODIES)
    wanted = [BODIES[0], BODIES[2], body(130), BODIES[5], body(600_002)]
    assert list(folder.settle(wanted)) == [wanted[2], wanted[4]]
    left = {BODIES[0].name, BODIES[2].name, BODIES[5].name}
    assert files(folder).keys() == left
    assert list(folder.settle([])) == []
    assert files(folder) == {}


def test_what_a_crash_left_is_no_husk(folder: BodyFolder) -> None:
    folder.rebuild("copy", BODIES[:3])
    put(folder, BODIES[1])
    with folder.path(BODIES[0]).open("wb") as file:
        file.truncate(BODIES[0].size)
    folder.path(BODIES[0]).chmod(0o600)  # its right to read went last, so it was not finished
    assert list(folder.settle(BODIES[:3])) == BODIES[:2]
    assert files(folder).keys() == {BODIES[2].name}


def test_a_husk_of_another_size_is_none(folder: BodyFolder) -> None:
    folder.rebuild("copy", [body(1, 4), body(2)])
    assert list(folder.settle([body(1, 5), body(2)])) == [body(1, 5)]
    put(folder, body(1, 5))
    assert files(folder)[body(1).name].st_size == 5


def test_a_copy_that_is_doubted_is_remembered(folder: BodyFolder) -> None:
    folder.rebuild("copy", BODIES)
    assert folder.doubted == ""
    folder.doubt()
    assert (folder.doubted, folder.copy) == ("copy", "")
    assert files(folder) == {}
    folder.follow("another")
    assert BodyFolder(folder.folder).copy == "another"
    folder.folder.rmdir()
    assert folder.copy == "", "what is not there is named by nobody"
