"""The process that keeps the index, on a store on disk: what it follows, what it mends."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailhub.core.search_plan import plan
from mailhub.indexing import folder as indexing
from mailhub.indexing import reading
from mailhub.indexing.folder import Follower
from mailhub.indexing.reading import COUNTED, Lag, Reading
from mailhub.model.flags import Flags
from mailhub.model.indexed import Document, IndexPage, IndexStatus, Span
from mailhub.model.search import ANYWHERE, Says
from mailhub.model.uids import UidSet
from mailhub.store import database
from mailhub.store.fulltext import building, schema
from mailhub.wire.rendering import render
from tests.contract.stores import ACTOR, House, TextBody, sqlite_house

MESSAGE = b"Subject: budget\r\n\r\nThe annual report\r\n"


class Site:
    """A store, and a follower that runs when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.house: House = sqlite_house(folder)
        self.folder = folder / "store"
        self.said: list[str] = []
        account, boxes = self.house.account()
        self.account, self.inbox = account.number, boxes["INBOX"]

    def deliver(self, count: int = 1, message: bytes = MESSAGE) -> None:
        new = [(TextBody(message), render(message), Flags(), 1_700_000_000)] * count
        self.house.ask(self.house.store.messages.append(self.account, self.inbox, new, ACTOR))

    def follow(self, ended: Callable[[float], bool] | None = None) -> None:
        """Takes in all there is, then ends as if the server had."""
        Follower(self.folder, Reading(None), ended or (lambda seconds: seconds > 0)).run(
            self.said.append
        )

    def page(self, text: str = "annual") -> IndexPage:
        key = plan(Says(ANYWHERE, text))
        index = self.house.store.search_index  # type: ignore[attr-defined]
        return self.house.ask(index.page(self.account, [self.inbox], key, Span(10)))

    def status(self) -> IndexStatus:
        return self.house.ask(self.house.store.search_index.status())  # type: ignore[attr-defined]

    def rebuild(self) -> None:
        self.house.ask(self.house.store.search_index.rebuild())  # type: ignore[attr-defined]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.house.stop()


def test_without_an_index_every_message_may_match(site: Site) -> None:
    site.deliver(2)
    page = site.page()
    assert (page.total, len(page.maybe)) == (0, 2)
    assert site.status() == IndexStatus("off", waiting=2)


def test_the_index_follows_what_comes(site: Site) -> None:
    site.deliver(2)
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (2, 0)
    site.deliver()
    assert (site.page().total, len(site.page().maybe)) == (2, 1)
    assert site.status().waiting == 1
    site.follow()
    assert site.page().total == 3
    assert site.said == ["building", "following", "following"]
    assert site.status().size > 0


def test_what_one_account_has_is_no_work_for_another(site: Site) -> None:
    """FTS5 looks at every document that has a word with a certain beginning: none of these may be
    somebody else's, however many there are."""
    site.deliver(2)
    others = site.account
    account, boxes = site.house.account("Other")
    site.account, site.inbox = account.number, boxes["INBOX"]
    site.deliver()
    site.follow()
    index = sqlite3.connect(site.folder / schema.NAME)
    try:
        index.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, words, row)")
        known = {str(term): count for term, count in index.execute("SELECT term, doc FROM terms")}
    finally:
        index.close()
    assert known[f"{others:x}.annual"] == 2
    assert known[f"{site.account:x}.annual"] == 1
    assert {term.partition(".")[0] for term in known} == {f"{others:x}", f"{site.account:x}"}
    assert site.page("annu").total == 1


def test_its_log_is_cut_when_it_is_too_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.follow()
    monkeypatch.setattr(indexing, "LOG", 1)
    site.deliver(3)
    assert site.page().total == 0  # whoever has it open keeps the log from being removed
    site.follow()
    assert (site.folder / f"{schema.NAME}-wal").stat().st_size == 0
    assert site.page().total == 3


def test_it_goes_on_where_it_was_killed(site: Site) -> None:
    site.deliver(building.BATCH * 2 + 1)
    calls = iter([True])
    site.follow(lambda seconds: next(calls))
    assert site.status().documents == building.BATCH
    site.follow()
    assert site.page().total == building.BATCH * 2 + 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database at all" * 300),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: sqlite3.connect(path, isolation_level=None).execute("DROP TABLE words"),
        lambda path: sqlite3.connect(path, isolation_level=None).execute("PRAGMA user_version = 9"),
    ],
)
def test_a_damaged_index_is_not_asked_and_made_anew(
    site: Site, damage: Callable[[Path], object]
) -> None:
    site.deliver(2)
    site.follow()
    schema.remove(site.folder / "search.sqlite-wal")
    damage(site.folder / schema.NAME)
    assert (site.page().total, len(site.page().maybe)) == (0, 2)
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (2, 0)


def test_a_damaged_page_is_found_when_it_is_read(site: Site) -> None:
    site.deliver(2000)
    site.follow()
    path = site.folder / schema.NAME
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    path.unlink()
    path.write_bytes(data)
    assert len(site.page().maybe) == 2000
    site.follow()
    site.follow()
    assert site.page().total == 2000


def test_a_new_one_is_made_beside_the_old(site: Site) -> None:
    site.deliver(3)
    site.follow()
    site.house.ask(
        site.house.store.messages.expunge(
            site.account, site.inbox, UidSet(((1, 1),)), ACTOR, only_deleted=False
        )
    )
    assert site.status().removed == 1
    site.rebuild()
    site.follow()
    assert "rebuilding" in site.said
    assert (site.status().documents, site.status().removed) == (2, 0)
    assert site.page().total == 2
    assert not (site.folder / schema.ORDERED).exists()


def test_an_index_of_a_later_time_is_not_believed(site: Site) -> None:
    site.deliver(3)
    site.follow()
    index = sqlite3.connect(site.folder / schema.NAME, isolation_level=None)
    index.execute("UPDATE state SET position = position + (1 << 30)")
    index.close()
    assert site.status().waiting == 0
    site.follow()
    assert site.said.count("building") == 2
    site.deliver()
    assert len(site.page().maybe) == 1


def test_much_that_was_removed_makes_it_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "REMOVED_LEAST", 0)
    site.deliver(3)
    site.follow()
    gone = UidSet(((1, 2),))
    messages = site.house.store.messages
    site.house.ask(messages.expunge(site.account, site.inbox, gone, ACTOR, only_deleted=False))
    site.follow()
    assert site.status().documents == 1


def test_a_message_that_cannot_be_read_is_looked_at_by_searches(site: Site) -> None:
    site.deliver()
    segment = next((site.folder / "segments").iterdir())
    kept = segment.read_bytes()
    segment.unlink()
    site.follow()
    segment.write_bytes(kept)
    assert (site.page().total, len(site.page().maybe)) == (0, 1)


def test_a_full_disk_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the index is looked at by searches until there is room again."""
    site.deliver(3)
    site.follow()
    site.deliver(600)
    opened = schema.open_writer

    def full(path: Path) -> sqlite3.Connection:
        writer = opened(path)
        writer.execute(f"PRAGMA max_page_count = {path.stat().st_size // 4096}")
        return writer

    monkeypatch.setattr(schema, "open_writer", full)
    site.follow()
    assert site.said[-1] == "waiting: database or disk is full"
    assert (site.page().total, len(site.page().maybe)) == (3, 600)
    monkeypatch.undo()
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (603, 0)
    assert site.status().documents == 603


def test_no_room_for_a_new_one_leaves_the_old_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.deliver(3)
    site.follow()
    site.rebuild()

    def full(path: Path) -> sqlite3.Connection:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(schema, "create", full)
    site.follow()
    assert site.said[-1].startswith("waiting: ")
    assert not (site.folder / schema.NEXT).exists()
    assert site.page().total == 3
    monkeypatch.undo()
    site.follow()
    assert "rebuilding" in site.said
    assert not (site.folder / schema.ORDERED).exists()


class KilledError(BaseException):
    """What ends a process in the middle of a message."""


def test_a_message_that_ends_the_process_is_left_out_in_the_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are in the index, and that one is looked at by searches."""
    site.deliver(3)
    site.deliver(1, b"Subject: poison\r\n\r\nthe annual bomb\r\n")
    site.deliver(3)
    made = reading.document
    tried = []

    def document(message: bytes, *more: Any) -> Document:
        if b"poison" in message:
            tried.append(message)
            raise KilledError
        return made(message, *more)

    monkeypatch.setattr(reading, "document", document)
    for _ in range(1 + reading.TRIES):
        with pytest.raises(KilledError):
            site.follow()
        assert site.page().total + len(site.page().maybe) == 7
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (6, 1)
    assert len(tried) == 1 + reading.TRIES
    assert not (site.folder / reading.READING).exists()
    site.deliver()
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (7, 1)


def test_one_that_memory_does_not_suffice_for_is_left_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reading.document

    def document(message: bytes, *more: Any) -> Document:
        if b"large" in message:
            raise MemoryError
        return made(message, *more)

    monkeypatch.setattr(reading, "document", document)
    site.deliver(2)
    site.deliver(1, b"Subject: large\r\n\r\nannual\r\n")
    site.deliver(2)
    site.follow()
    assert (site.page().total, len(site.page().maybe)) == (4, 1)


def test_damage_again_and_again_is_not_mended_without_a_pause(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise sqlite3.DatabaseError("malformed")

    monkeypatch.setattr(building, "put", damaged)
    site.deliver()
    waits: list[float] = []

    def ended(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 3

    site.follow(ended)
    assert waits == [indexing.PAUSE] * 3
    assert len(site.page().maybe) == 1


def test_the_process_ends_with_its_input(site: Site) -> None:
    site.deliver(3)
    done = subprocess.run(
        [sys.executable, "-m", "mailhub.indexing", str(site.folder), "0", "plain", "60"],
        input=b"\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0] == b"building"
    assert site.page().total == 3


def test_what_waits_is_counted_now_and_then(site: Site) -> None:
    site.deliver(7)
    now, said = [0.0], list[int]()
    lag = Lag(said.append, lambda: now[0])
    source = database.connect_reader(site.folder)
    keys = [key for (key,) in source.execute("SELECT key FROM content ORDER BY key")]
    lag.step(source, keys[1])
    lag.step(source, keys[3])
    now[0] = COUNTED
    lag.step(source, keys[4])
    lag.over()
    lag.over()
    source.close()
    assert said == [5, 2, 0]
