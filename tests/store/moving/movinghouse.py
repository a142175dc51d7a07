"""Stores to be moved: with something in every table, and rows of each to be held together."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from mailhub.model.flags import Flags
from mailhub.model.message import Copy, Rendered
from mailhub.model.queue import Onward, QueueSender
from mailhub.model.uids import UidSet
from mailhub.ports import Body
from mailhub.store import database
from mailhub.store.moving import state
from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.folder import FolderTarget
from mailhub.store.moving.mover import Mover
from mailhub.store.moving.tables import PLACE, Table, tables
from mailhub.store.sql import Row
from tests.contract.stores import ACTOR, House, TextBody, rendered, sqlite_house


class Silent:
    """`mover.Told` for whom nobody waits."""

    def step(self, what: str, done: int, total: int) -> None:
        return


def filled(folder: Path, accounts: int = 5, messages: int = 20) -> Path:
    """A stopped store's folder, with accounts that have mail in all states."""
    house = sqlite_house(folder, segment_size=16 << 10)
    try:
        for serial in range(accounts):
            account, boxes = house.account("Other", "Junk")
            live_in(house, account.number, boxes, messages, serial)
        together(house, accounts)
    finally:
        house.stop()
    return folder / "store"


def live_in(house: House, account: int, boxes: dict[str, int], messages: int, serial: int) -> None:
    """Mail comes, is flagged, copied, moved and expunged."""
    made, store = random.Random(serial), house.store.messages
    inbox, other, junk = boxes["INBOX"], boxes["Other"], boxes["Junk"]
    arriving: list[tuple[Body, Rendered, Flags, int]] = []
    for place in range(messages):
        body = TextBody(b"Subject: %d\r\n\r\n" % place + made.randbytes(made.randrange(900)))
        ids = (f"<{serial}.{place}@x>", (f"<{serial}.{place // 3}@x>",))
        flags = Flags(made.choice((0, 1, 5)), ("$Label1",) if place % 4 == 0 else ())
        subject = rendered(*ids, subject="Grüße ✉")
        arriving.append((cast(Body, body), subject, flags, 1_700_000_000 + place))
    house.ask(store.append(account, inbox, arriving, ACTOR))
    house.ask(store.copy(account, inbox, UidSet(((1, 5),)), other, ACTOR))
    house.ask(store.move(account, inbox, UidSet(((3, 4),)), junk, ACTOR))
    house.ask(store.expunge(account, inbox, UidSet(((6, 8),)), ACTOR, only_deleted=False))


def together(house: House, accounts: int) -> None:
    """Messages that are one body for all, and mail that waits to be sent."""
    for serial in range(3):
        sender, onward = QueueSender("a@b"), [Onward("c@d"), Onward("e@f")]
        body: Any = TextBody(b"Subject: to all\r\n\r\n%d" % serial)
        copies = [Copy(number) for number in range(1, accounts + 1)]
        house.ask(
            house.store.messages.deliver(
                f"token {serial}", body, rendered(), copies, sender, onward, ACTOR
            )
        )


def fill_the_rest(folder: Path) -> None:
    """Rows of a kind in every table that has none, straight into a stopped store."""
    made = random.Random(1)
    connection = database.connect_writer(folder)
    try:
        for table in tables().values():
            if connection.execute(f"SELECT 1 FROM {table.name}").fetchone() is None:
                for serial in range(7):
                    row = _row(connection, table, serial, made)
                    marks = ", ".join("?" * len(row))
                    connection.execute(f"INSERT INTO {table.name} VALUES ({marks})", row)
    finally:
        connection.close()


def _row(connection: sqlite3.Connection, table: Table, serial: int, made: random.Random) -> Row:
    row: list[object] = []
    for _, name, kind, needed, _, _ in connection.execute(f"PRAGMA table_info({table.name})"):
        if name == "active":
            row.append(0)
        elif kind in ("INTEGER", "BIGINT"):
            row.append(serial + 1 if needed or name in table.key else None)
        elif kind == "BLOB":
            row.append(made.randbytes(40) + b"\0\xff")
        else:
            row.append(f"{'[]' if name == 'targets' else 'é %'}{name} \\ {serial}'")
    return tuple(row)


def rows_of(side: Source) -> dict[str, list[Row]]:
    """Every row of every table, wherever its body is."""
    found = {}
    for table in tables().values():
        names = [name for name in table.columns if not (table.bodies and name in PLACE)]
        rows = side.connection.execute(f"SELECT {', '.join(names)} FROM {table.name}").fetchall()
        if table.name == "counter":
            rows = [row for row in rows if not row[0].startswith(("journal", "blob", "node "))]
        found[table.name] = sorted(map(tuple, rows), key=repr)
    return found


@contextmanager
def closing(*ends: Source) -> Iterator[None]:
    """Closes them, the last one first."""
    try:
        yield
    finally:
        for end in reversed(ends):
            end.close()


def target_in(folder: Path) -> FolderTarget:
    """An empty store in a folder, to be filled."""
    folder.mkdir(parents=True)
    database.prepare(folder)
    return FolderTarget(folder, 64 << 10)


def whole(source: Source, target: Target) -> None:
    """All of it, in one go."""
    state.begin(source, target, "one")
    mover = Mover(source, target, Silent())
    mover.round()
    mover.finish(quick=False)
