"""A store that is moved has the same rows and bytes elsewhere, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mailhub.model.errors import Corrupt, InUse, Unavailable
from mailhub.model.message import BlobRef
from mailhub.store import database, marks
from mailhub.store.batch import Bytes
from mailhub.store.moving import state
from mailhub.store.moving.compare import compare_all
from mailhub.store.moving.folder import FolderSource, FolderTarget
from mailhub.store.moving.mover import Mover
from mailhub.store.moving.tables import tables
from mailhub.store.orders import Blob
from mailhub.store.segments import Appender
from tests.store.moving.movinghouse import (
    Silent,
    closing,
    fill_the_rest,
    filled,
    rows_of,
    target_in,
    whole,
)

pytestmark = pytest.mark.thorough

ACCOUNTS, MESSAGES = 3, 12


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped store with something in every table; nobody writes to it."""
    folder = filled(tmp_path_factory.mktemp("kept"), ACCOUNTS, MESSAGES)
    fill_the_rest(folder)
    return folder


def test_every_table_of_the_schema_is_known_and_filled(kept: Path) -> None:
    source = FolderSource(kept)
    with closing(source):
        assert all(rows_of(source).values())
        assert set(rows_of(source)) == set(tables())


def test_a_store_moved_to_another_folder_has_the_same_rows_and_bodies(
    kept: Path, tmp_path: Path
) -> None:
    source, target = FolderSource(kept), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        whole(source, target)
        assert rows_of(source) == rows_of(target)
        found = compare_all(source, target, Silent())
        assert not any(one.differing for one in found)
        assert {one.table for one in found if one.bodies} == {"content", "queue_message"}


def test_a_body_of_many_rows_is_one_afterwards_too(kept: Path, tmp_path: Path) -> None:
    source, target = FolderSource(kept), target_in(tmp_path / "new" / "store")
    places = (
        "SELECT count(*), count(DISTINCT segment * 1000000000 + start) FROM (SELECT segment,"
        " start FROM content UNION ALL SELECT segment, start FROM queue_message) AS all_rows"
    )
    with closing(source, target):
        whole(source, target)
        before = source.connection.execute(places).fetchone()
        assert before[0] == before[1] + 3 * ACCOUNTS
        assert target.connection.execute(places).fetchone() == before


def test_what_changes_between_rounds_is_followed(tmp_path: Path) -> None:
    """Rows that came, changed and went; what the journal tells of and what it does not."""
    folder = filled(tmp_path / "old", 3, 10)
    fill_the_rest(folder)
    source, target = FolderSource(folder), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        state.begin(source, target, "one")
        mover = Mover(source, target, Silent())
        mover.round()
        assert mover.round() == 0
        writer = database.connect_writer(folder)
        for statement in (
            "UPDATE message SET flags = 5 WHERE account = 1 AND uid = 1",
            "INSERT INTO journal (number, at, account, kind, modseq, uids, source, detail)"
            " SELECT max(number) + 1, 1, 1, 'flagged', 9, '1', 't', '' FROM journal",
            "UPDATE account SET username = 'x' || username WHERE number = 2",
            "UPDATE account SET username = 'user2' WHERE number = 1",
            "UPDATE mailbox SET name = 'was ' || name WHERE account = 2",
            "UPDATE totp SET last_step = 77 WHERE account = 1",
            "DELETE FROM mark WHERE account = 3",
            "DELETE FROM queue_entry WHERE number = 2",
            "DELETE FROM message WHERE account = 3",
            "UPDATE usage SET used_messages = 0 WHERE account = 3",
            "DELETE FROM content WHERE account = 3",
            "DELETE FROM journal WHERE number = 5",
        ):
            writer.execute(statement)
        writer.close()
        assert mover.round() > 0
        assert rows_of(source)["message"][0] == rows_of(target)["message"][0]
        mover.finish(quick=True)
        assert rows_of(source) == rows_of(target)
        mover.finish(quick=False)
        assert rows_of(source) == rows_of(target)


def test_what_was_there_of_an_account_that_is_gone_goes(tmp_path: Path) -> None:
    folder = filled(tmp_path / "old", 3, 10)
    source, target = FolderSource(folder), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        state.begin(source, target, "one")
        mover = Mover(source, target, Silent())
        mover.round()
        writer = database.connect_writer(folder)
        for table in tables().values():
            if table.of_account or table.name == "content":
                writer.execute(f"DELETE FROM {table.name} WHERE account = 2")
        writer.execute("DELETE FROM account WHERE number = 2")
        writer.close()
        mover.finish(quick=True)
        assert rows_of(source) == rows_of(target)


def test_a_body_that_compaction_moved_meanwhile_is_found_where_it_is(tmp_path: Path) -> None:
    folder = filled(tmp_path / "old", 1, 10)

    class Moving(FolderSource):
        """Bodies of the first segment are elsewhere as soon as somebody wants one."""

        def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
            first = folder / "segments" / "00000001.segment"
            if first.exists():
                whole = first.read_bytes()
                (folder / "segments" / "00000077.segment").write_bytes(whole)
                first.unlink()
                for table in ("content", "queue_message"):
                    writer.execute(f"UPDATE {table} SET segment = 119 WHERE segment = 1")
            return super().read(refs)

    writer = database.connect_writer(folder)
    source, target = Moving(folder), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        whole(source, target)
        assert not any(one.differing for one in compare_all(source, target, Silent()))
    writer.close()


def test_damage_is_taken_along_as_it_is_and_told(tmp_path: Path) -> None:
    folder = filled(tmp_path / "old", 1, 10)
    writer = database.connect_writer(folder)
    writer.execute(
        "UPDATE content SET digest = zeroblob(32) WHERE key IN (SELECT min(key) FROM content)"
    )
    writer.execute("UPDATE content SET segment = 99 WHERE key IN (SELECT max(key) FROM content)")
    writer.close()
    source, target = FolderSource(folder), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        state.begin(source, target, "one")
        mover = Mover(source, target, Silent())
        mover.round()
        assert mover.tally.damaged == 2
        mover.finish(quick=False)
        assert rows_of(source) == rows_of(target)
        lost = target.connection.execute("SELECT segment FROM content ORDER BY key DESC").fetchone()
        assert lost == (0,)


def test_texts_that_another_database_cannot_hold_are_made_so(tmp_path: Path) -> None:
    folder = filled(tmp_path / "old", 1, 4)
    writer = database.connect_writer(folder)
    writer.execute("UPDATE content SET subject = 'a' || char(0) || 'b'")
    writer.execute("UPDATE account SET name = CAST(x'C3FF61' AS TEXT)")
    writer.close()
    source, target = FolderSource(folder), target_in(tmp_path / "new" / "store")
    with closing(source, target):
        whole(source, target)
        subjects = target.connection.execute("SELECT DISTINCT subject FROM content").fetchall()
        names = target.connection.execute("SELECT name FROM account").fetchall()
    assert subjects == [("ab",)]
    assert names == [("\ufffd\ufffda",)]


def test_what_is_not_read_back_as_it_was_written_ends_the_move(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = FolderSource(kept), target_in(tmp_path / "new" / "store")
    append = Appender.append

    def spoiled(self: Appender, bodies: Sequence[Bytes]) -> list[Blob]:
        return append(self, [Bytes(memoryview(bytes(len(one.view)))) for one in bodies])

    monkeypatch.setattr(Appender, "append", spoiled)
    with closing(source, target):
        state.begin(source, target, "one")
        with pytest.raises(Corrupt):
            Mover(source, target, Silent()).round()


def test_only_an_empty_store_one_of_ours_or_the_one_begun_is_filled(
    kept: Path, tmp_path: Path
) -> None:
    source = FolderSource(kept)
    full = FolderTarget(filled(tmp_path / "other", 1, 1), 1 << 20)
    begun = target_in(tmp_path / "new" / "store")
    with closing(source, full, begun):
        with pytest.raises(InUse):
            state.begin(source, full, "one")
        state.set_revision(full.connection, marks.MOVED)
        full.connection.execute(state.TABLES[0])
        state.say(full.connection, "lineage", "other")
        with pytest.raises(InUse):
            state.begin(source, full, "one")
        state.begin(source, begun, "one")
        state.begin(source, begun, "one")
        with pytest.raises(InUse):
            state.begin(source, begun, "two")


@pytest.mark.parametrize("mark", [marks.FILLING, marks.MOVED])
def test_no_server_starts_on_a_marked_store(tmp_path: Path, mark: str) -> None:
    folder = filled(tmp_path, 1, 1)
    connection = database.connect_writer(folder)
    state.set_revision(connection, mark)
    with pytest.raises(Unavailable, match="migrate"):
        database.prepare(folder)
    with pytest.raises(Unavailable, match="migrate"):
        database.require_current(connection)
    connection.close()
