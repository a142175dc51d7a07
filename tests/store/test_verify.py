"""`verify` sees every kind of damage, and repairs what can be repaired without losing mail."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import NotFound
from mailhub.model.flags import Flags
from mailhub.model.message import Copy
from mailhub.model.queue import Onward, QueueSender
from mailhub.model.route import Route
from mailhub.model.uids import UidSet
from mailhub.store import database, segments, verifying
from mailhub.store.checks import CHECKS
from mailhub.store.verify import Report, verify
from tests.contract.stores import ACTOR, MESSAGE, TextBody, rendered, sqlite_house

DAMAGE = [
    ("UPDATE mailbox SET messages = messages + 1", "mailbox-counters", True),
    ("UPDATE mailbox SET unseen = unseen - 1 WHERE messages > 0", "mailbox-counters", True),
    ("UPDATE mailbox SET size = 5", "mailbox-counters", True),
    ("UPDATE mailbox SET deleted = 9", "mailbox-counters", True),
    ("UPDATE mailbox SET threads = threads + 2", "mailbox-counters", True),
    ("UPDATE usage SET used_storage = 1", "quota", True),
    ("UPDATE usage SET used_messages = 1", "quota", True),
    ("UPDATE mailbox SET uidnext = 1 WHERE messages > 0", "uidnext", True),
    ("UPDATE mailbox SET highestmodseq = 1 WHERE messages > 0", "highestmodseq", True),
    ("UPDATE account SET factors = 'totp'", "second-factors", True),
    ("UPDATE account SET factors = 'x totp webauthn'", "second-factors", True),
    (
        "INSERT INTO totp (account, seed, enabled, created, last_step, misses, missed)"
        " SELECT number, 'SEED', 1, 1, 0, 0, 0 FROM account",
        "second-factors",
        True,
    ),
    ("UPDATE content SET uses = 7", "content-uses", True),
    ("DELETE FROM message WHERE uid = 1", "content-uses", True),
    ("UPDATE message SET size = 3 WHERE uid = 2", "message-size", True),
    ("UPDATE message SET thread = content + 1 WHERE uid = 2", "message-thread", True),
    (
        "DELETE FROM content WHERE key IN (SELECT min(key) FROM content)",
        "message-without-content",
        False,
    ),
    ("DELETE FROM mailbox WHERE messages > 0", "message-without-mailbox", False),
    ("INSERT INTO archived VALUES (1, 1, 1, 1, 0, 0, 0, 1, 5)", "archived-without-content", False),
    ("INSERT INTO annotation VALUES (1, 5, '{}')", "annotation-without-content", True),
    ("UPDATE message SET savedate = internaldate", "list-order", True),
    ("DELETE FROM keyword_set", "keyword-set", False),
    ("INSERT INTO expunged VALUES (1, 1, 2, 1, 1)", "expunged-uid", False),
    ("INSERT INTO expunged VALUES (1, 1, 99, 4, 4)", "expunged-range", False),
    ("UPDATE usage SET keyword_sets = 0", "number-reused", False),
    ("DELETE FROM journal WHERE number > 3", "number-reused", False),
    ("DELETE FROM counter WHERE name = 'mailbox'", "counter", False),
    ("UPDATE usage SET uidvalidity = 1", "uidvalidity", False),
    ("DELETE FROM usage", "usage", False),
    ("DELETE FROM secret", "secret", False),
    ("DELETE FROM account", "mailbox-without-account", False),
    (
        "INSERT INTO address (number, id, address, key, domain, account, targets, name, main,"
        " created) VALUES (9, 'i', 'a@b', 'a@b', 'b', 77, '[]', '', 0, 0)",
        "address-without-account",
        False,
    ),
    (
        "INSERT INTO mail_filter VALUES (1, 1, 'f', '', 0, 5, 77, '{}', '{}', '')",
        "filter-without-mailbox",
        True,
    ),
    ("DELETE FROM queue_message", "queue-entry", True),
    ("DELETE FROM queue_entry", "queue-message", True),
    (
        "INSERT INTO queue_entry SELECT number + 1, message - 1, due, held, lane, attempts, token,"
        " warned, route, home, tried, recipient, recipient_key, notify, orcpt, status, reply,"
        " remote FROM queue_entry WHERE number = 2",
        "queue-order",
        False,
    ),
    ("UPDATE queue_entry SET route = 9", "queue-route", True),
    ("UPDATE queue_entry SET held = 7", "unknown-state", True),
    ("UPDATE queue_entry SET warned = 7", "unknown-state", True),
    ("UPDATE dkim_key SET state = 'lost'", "unknown-state", True),
    ("UPDATE route SET tls = ''", "unknown-state", True),
    ("UPDATE account SET sending = 'all'", "unknown-state", True),
    ("DELETE FROM counter WHERE name = 'dkim_key'", "counter", False),
    ("DELETE FROM counter WHERE name = 'route'", "counter", False),
    ("DELETE FROM counter WHERE name = 'relay_network'", "counter", False),
    (
        "UPDATE content SET digest = zeroblob(32) WHERE key IN (SELECT min(key) FROM content)",
        "damaged-bytes",
        False,
    ),
    (
        "UPDATE content SET start = start + 1 WHERE key IN (SELECT min(key) FROM content)",
        "damaged-bytes",
        False,
    ),
    (
        "UPDATE content SET segment = 55 WHERE key IN (SELECT min(key) FROM content)",
        "damaged-bytes",
        False,
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stopped store with a little of everything."""
    house = sqlite_house(tmp_path)
    account, boxes = house.account("Other")
    messages = house.store.messages
    assert (account.number, boxes["INBOX"]) == (1, 1)
    house.fill(account.number, 1, 3)
    one = (TextBody(MESSAGE * 2), rendered(), Flags(1, ("$K",)), 1)
    house.ask(messages.append(account.number, 1, [one], ACTOR))
    house.ask(messages.copy(1, 1, UidSet(((1, 2),)), boxes["Other"], ACTOR))
    house.ask(messages.expunge(1, 1, UidSet(((3, 3),)), ACTOR, only_deleted=False))
    for token in "tu":
        sender, onward = QueueSender("a@b"), [Onward("c@d")]
        house.ask(
            messages.deliver(token, TextBody(b"out"), rendered(), [Copy(1)], sender, onward, ACTOR)
        )
    house.ask(house.store.routes.add(Route(0, "*"), ACTOR))
    house.ask(house.store.routes.allow("192.0.2.0/24", ACTOR))
    key = DkimKey("d", "s", "rsa", "private", "public", KeyState.ACTIVE, 1, 1)
    house.ask(house.store.dkim_keys.add([key], ACTOR))
    house.stop()
    return tmp_path / "store"


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_a_healthy_store_is_clean_and_counted(folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    report = verify(folder, progress=lambda read, total: heard.append((read, total)))
    assert report.clean
    assert report.findings == ()
    assert (report.accounts, report.mailboxes, report.messages, report.blobs) == (1, 2, 7, 5)
    assert report.bytes == 4 * len(MESSAGE) + 6
    assert heard[-1] == (report.bytes, report.bytes)


def test_no_store_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verify(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("statement", "kind", "repairable"), DAMAGE, ids=lambda one: str(one))
def test_damage_is_found_and_mended(
    folder: Path, statement: str, kind: str, repairable: bool
) -> None:
    connection = database.connect_writer(folder)
    connection.execute(statement)
    connection.close()
    report = verify(folder)
    assert kind in kinds(report)
    assert not report.clean
    before = messages_of(folder)
    assert {one.repairable for one in report.findings if one.kind == kind} == {repairable}
    mended = verify(folder, repair=True)
    assert all(one.repaired for one in mended.findings if one.kind == kind) is repairable
    assert (kind in kinds(verify(folder))) is not repairable
    assert messages_of(folder) == before


def messages_of(folder: Path) -> list[tuple[int, ...]]:
    connection = database.connect_reader(folder)
    rows = connection.execute("SELECT account, mailbox, uid, flags FROM message").fetchall()
    connection.close()
    return rows


def test_every_rule_has_been_broken() -> None:
    assert {check.kind for check in CHECKS} <= {kind for _, kind, _ in DAMAGE}


def test_bytes_are_held_against_their_digest(folder: Path) -> None:
    [found, *_] = segments.scan(folder / "segments", 1)
    path = segments.path_of(folder / "segments", 1)
    with path.open("r+b") as file:
        file.seek(found.ref.offset + 2)
        file.write(b"!")
    report = verify(folder)
    texts = [finding.text for finding in report.findings]
    assert len(texts) == 2
    assert all("uid 1: bytes do not match" in text for text in texts)
    assert verify(folder, repair=True).findings == report.findings


@pytest.mark.parametrize("cut", [1, 400])
def test_missing_bytes_are_found(folder: Path, cut: int) -> None:
    path = segments.path_of(folder / "segments", 1)
    os.truncate(path, path.stat().st_size - cut)
    assert kinds(verify(folder)) == {"damaged-bytes"}


def test_a_damaged_entry_head_is_found(folder: Path) -> None:
    [found, *_] = segments.scan(folder / "segments", 1)
    with segments.path_of(folder / "segments", 1).open("r+b") as file:
        file.seek(found.ref.offset - segments.ENTRY_SIZE)
        file.write(b"XXXX")
    assert kinds(verify(folder)) == {"damaged-bytes"}


def test_a_damaged_database_is_found(folder: Path) -> None:
    connection = sqlite3.connect(folder / database.NAME)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'message'"
    ).fetchone()
    connection.close()
    with (folder / database.NAME).open("r+b") as file:
        file.seek(database.PAGE_SIZE * (page - 1) + 8)
        file.write(b"\xff" * 64)
    report = verify(folder)
    assert "database" in kinds(report)


PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=25)


@given(PLACES, PLACES)
def test_every_body_is_read_once_however_many_stand_on_it(
    held: list[tuple[int, int]], waiting: list[tuple[int, int]]
) -> None:
    with closing(sqlite3.connect(":memory:")) as database, mock.patch.object(verifying, "CHUNK", 3):
        for table, places in (("content", held), ("queue_message", waiting)):
            database.execute(f"CREATE TABLE {table} (segment, start, length, digest)")
            rows = [(*place, 7, b"digest") for place in places]
            database.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows)
        found = [body[:2] for page in verifying.bodies(database) for body in page]
        assert found == sorted({*held, *waiting})
