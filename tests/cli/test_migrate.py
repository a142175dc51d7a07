"""`mailhub migrate` between two folders: what it says, where it waits, what it leaves behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailhub.cli import group
from mailhub.cli.access import Refused
from mailhub.model.errors import Unavailable
from mailhub.store import database, marks
from mailhub.store.moving import places, state
from mailhub.store.moving.folder import FolderSource
from mailhub.store.verify import verify
from tests.store.moving.movinghouse import filled, rows_of

pytestmark = pytest.mark.thorough


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A server's folder that holds a store and a secret."""
    data = tmp_path / "old"
    filled(data, 2, 8)
    (data / "login.json").write_text('{"secret": "00"}')
    (data / "tls").mkdir()
    (data / "tls" / "key.pem").write_text("k")
    (data / "backup").mkdir()
    (data / "backup" / "key").write_text("b")
    (data / "run").mkdir()
    (data / "run" / "lock").write_text("1")
    (tmp_path / "new.toml").write_text(f'data = "{tmp_path / "new"}"\n')
    (tmp_path / "old.toml").write_text(f'data = "{data}"\n')
    return tmp_path


def run(folder: Path, *words: str, config: str = "old.toml") -> Result:
    """The command, with its errors as they are."""
    found = CliRunner().invoke(
        group, ["--config", str(folder / config), "migrate", *words], catch_exceptions=True
    )
    if isinstance(found.exception, Refused):
        raise found.exception
    assert not isinstance(found.exception, Exception), found.exception
    return found


def revision(folder: Path) -> str:
    with closing(database.connect_reader(folder)) as connection:
        return state.revision(connection)


def test_it_is_moved_with_what_stands_beside_it_and_both_are_marked(old: Path) -> None:
    before = rows_of(FolderSource(old / "old" / "store"))
    said = run(old, str(old / "new.toml"))
    assert said.exit_code == 0
    assert "moved to" in said.output
    after = rows_of(FolderSource(old / "new" / "store"))
    assert {name for name in after if after[name] != before[name]} == {"counter"}
    assert set(after["counter"]) - set(before["counter"]) == {(f"{state.LINEAGE}{lineage(old)}", 1)}
    assert verify(old / "new" / "store").clean
    assert revision(old / "old" / "store") == marks.MOVED
    assert (old / "new" / "login.json").read_text() == '{"secret": "00"}'
    assert (old / "new" / "tls" / "key.pem").exists()
    assert (old / "new" / "backup" / "key").read_text() == "b"
    assert not (old / "new" / "run" / "lock").exists()


def lineage(folder: Path) -> str:
    with closing(database.connect_reader(folder / "old" / "store")) as connection:
        return state.said(connection, "lineage")


def test_what_was_moved_is_not_moved_again_and_can_be_taken_back(old: Path) -> None:
    run(old, str(old / "new.toml"))
    moved = rows_of(FolderSource(old / "new" / "store"))
    said = run(old, str(old / "new.toml"))
    assert (said.exit_code, "was moved" in said.output) == (0, True)
    assert rows_of(FolderSource(old / "new" / "store")) == moved
    (old / "other.toml").write_text(f'data = "{old / "other"}"\n')
    with pytest.raises(Refused, match="moved away"):
        run(old, str(old / "other.toml"))
    with pytest.raises(Refused, match="was not moved"):
        run(old, "--reopen", config="new.toml")
    assert "in use again" in run(old, "--reopen").output
    assert verify(old / "old" / "store").clean
    with pytest.raises(Refused, match="holds a store already"):
        run(old, str(old / "new.toml"))


def test_back_to_where_it_was_only_what_differs_goes(old: Path) -> None:
    run(old, str(old / "new.toml"))
    with closing(database.connect_writer(old / "new" / "store")) as connection:
        connection.execute("UPDATE account SET name = 'other' WHERE number = 1")
    said = run(old, str(old / "old.toml"), config="new.toml")
    assert ": 1 rows, 0 bodies" in said.output
    assert verify(old / "old" / "store").clean
    assert revision(old / "new" / "store") == marks.MOVED
    assert rows_of(FolderSource(old / "old" / "store")) == rows_of(
        FolderSource(old / "new" / "store")
    )


def test_ahead_copies_and_marks_nothing_of_the_source(old: Path) -> None:
    assert "run it again" in run(old, "--ahead", str(old / "new.toml")).output
    assert revision(old / "new" / "store") == marks.FILLING
    assert verify(old / "old" / "store").clean
    said = run(old, str(old / "new.toml"))
    assert "round 1: 0 rows" in said.output
    assert verify(old / "new" / "store").clean


def test_ended_between_the_two_marks_the_next_run_completes_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise Unavailable("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(places.FolderPlace, "complete", fails)
        with pytest.raises(Refused, match="power"):
            run(old, str(old / "new.toml"))
    assert revision(old / "old" / "store") == marks.MOVED
    assert revision(old / "new" / "store") == marks.FILLING
    assert run(old, str(old / "new.toml")).exit_code == 0
    assert verify(old / "new" / "store").clean


def test_it_waits_until_the_server_has_ended(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["mailhub.cli.migrate"], "PAUSE", 0.01)
    lock = database.lock(old / "old" / "store")
    rounds: list[int] = []
    at_rest = places.FolderPlace.at_rest

    @contextmanager
    def looked(self: places.FolderPlace) -> Iterator[None]:
        rounds.append(1)
        if len(rounds) == 3:
            with closing(database.connect_writer(old / "old" / "store")) as late:
                late.execute("UPDATE account SET name = 'late' WHERE number = 2")

            os.close(lock)
        with at_rest(self):
            yield

    monkeypatch.setattr(places.FolderPlace, "at_rest", looked)
    said = run(old, str(old / "new.toml"))
    assert said.output.count("stop the server now") == 1
    assert len(rounds) == 3
    names = [row[3] for row in rows_of(FolderSource(old / "new" / "store"))["account"]]
    assert "late" in names


def test_check_tells_what_differs_and_ends_with_1(old: Path) -> None:
    run(old, "--ahead", str(old / "new.toml"))
    with closing(database.connect_writer(old / "new" / "store")) as connection:
        connection.execute("UPDATE message SET flags = 77 WHERE account = 2 AND uid = 1")
        connection.execute("DELETE FROM content WHERE key IN (SELECT min(key) FROM content)")
    said = run(old, "--check", "--json", str(old / "new.toml"))
    assert said.exit_code == 1
    found: dict[str, Any] = {one["table"]: one for one in json.loads(said.stdout)}
    changed = [
        row
        for row in rows_of(FolderSource(old / "old" / "store"))["message"]
        if (row[0], row[2]) == (2, 1)
    ]
    assert found["message"]["differing"] == len(changed)
    assert found["message"]["accounts"] == [2]
    assert found["content"]["differing"] == 1
    assert {name for name, one in found.items() if one["differing"]} == {"message", "content"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "where to"),
        (("nowhere.toml",), "no such"),
        (("sqlite",), "already"),
    ],
)
def test_what_it_cannot_do(old: Path, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(Refused, match=why):
        run(old, *words)
