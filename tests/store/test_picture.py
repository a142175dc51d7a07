"""A picture holds everything that its database tells of, whatever happens meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mailhub.model.errors import InUse, NotFound, StorageFull, Unavailable
from mailhub.model.queue import Onward, QueueSender
from mailhub.store import database, picture, segments
from mailhub.store.compaction import remove_file
from mailhub.store.verify import verify
from tests.contract.stores import ACTOR, House, TextBody, rendered, sqlite_house

pytestmark = pytest.mark.thorough


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = sqlite_house(tmp_path, segment_size=20_000)
    account, boxes = made.account("Sent")
    for number in range(30):
        made.fill(account.number, boxes["INBOX"], 1, b"%d " % number + b"x" * 3000)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "key.pem").write_text("secret")
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "lock").write_text("1")
    (tmp_path / "login.json").write_text("{}")
    yield made
    made.stop()


def shown(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_holds_all_but_what_is_this_process_s(house: House, tmp_path: Path) -> None:
    to = tmp_path / "backup" / "picture"
    picture.take(tmp_path, to)
    found = shown(to)
    assert {"login.json", "tls/key.pem", "store/mail.sqlite"} <= set(found)
    assert not [name for name in found if name.startswith(("run", "backup", "store/lock"))]
    assert len([name for name in found if name.endswith(".segment")]) == len(
        segments.numbers(tmp_path / "store" / "segments")
    )
    assert (to / "store" / "mail.sqlite").stat().st_mode & 0o777 == 0o600
    assert verify(to / "store").clean
    picture.clear(to)
    assert not to.exists()


def test_a_segment_that_compaction_removes_stays_in_the_picture(
    house: House, tmp_path: Path
) -> None:
    to = tmp_path / "backup" / "picture"
    picture.take(tmp_path, to)
    store = tmp_path / "store"
    first = segments.numbers(store / "segments")[0]
    with closing(sqlite3.connect(store / database.NAME)) as connection:
        connection.execute("DELETE FROM content")
        remove_file(connection, store / "segments", first)  # type: ignore[arg-type]
        connection.rollback()
    assert not segments.path_of(store / "segments", first).exists()
    assert verify(to / "store").clean, "its bytes are there"


def test_mail_that_comes_while_it_is_taken(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, boxes = house.account()
    copied = database.connect_reader

    def late(folder: Path) -> sqlite3.Connection:
        # Between the links and the copy of the database: enough for another segment.
        for _ in range(10):
            house.fill(account.number, boxes["INBOX"], 1, os.urandom(3000))
        return copied(folder)

    monkeypatch.setattr(database, "connect_reader", late)
    to = tmp_path / "backup" / "picture"
    picture.take(tmp_path, to)
    report = verify(to / "store")
    assert report.clean
    assert report.messages == 40


def test_a_data_folder_of_it(house: House, tmp_path: Path) -> None:
    to = tmp_path / "backup" / "picture"
    picture.take(tmp_path, to)
    again = tmp_path / "again"
    before = validities(tmp_path / "store")
    restored = picture.place(to, again)
    assert restored.mailboxes == len(before)
    after = validities(again / "store")
    assert all(after[box] > max(before.values()) for box in before)
    assert len(set(after.values())) == len(after)
    assert verify(again / "store").clean
    assert (again / "tls" / "key.pem").read_text() == "secret"
    with pytest.raises(InUse):
        picture.place(to, again)
    with pytest.raises(NotFound):
        picture.place(tmp_path / "nowhere", tmp_path / "other")


def validities(store: Path) -> dict[tuple[int, int], int]:
    with closing(sqlite3.connect(store / database.NAME)) as connection:
        rows = connection.execute("SELECT account, number, uidvalidity FROM mailbox").fetchall()
    return {(account, number): validity for account, number, validity in rows}


def test_what_was_waiting_is_on_hold(house: House, tmp_path: Path) -> None:
    sender, onward = QueueSender("ann@x"), Onward("far@away")
    house.ask(
        house.store.messages.deliver(
            house.token(), TextBody(b"text"), rendered(), [], sender, [onward], ACTOR
        )
    )
    to = tmp_path / "backup" / "picture"
    picture.take(tmp_path, to)
    assert picture.place(to, tmp_path / "again").held == 1
    assert verify(tmp_path / "again" / "store").clean


@pytest.mark.parametrize(
    ("error", "kind"),
    [(OSError(28, "No space left on device"), StorageFull), (OSError(5, "I/O error"), Unavailable)],
)
def test_a_disk_that_fails_leaves_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type
) -> None:
    def link(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, "link", link)
    to = tmp_path / "backup" / "picture"
    with pytest.raises(kind):
        picture.take(tmp_path, to)
    assert not to.exists()
