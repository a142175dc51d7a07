"""Files for messages still to be written, as rows, and the port over them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from dataclasses import replace

from mailhub.model.change import Actor
from mailhub.model.errors import LimitReached, NotFound, OverQuota
from mailhub.model.file import StoredFile
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, Row, like, next_number, number, one_moment, span
from mailhub.store.transaction import Transaction

COMING, THERE, GOING = range(3)
"""States of a file; nobody sees it but in the second."""
STEP = 8
"""Pieces that one commit drops."""
_COLUMNS = "f.account, f.id, f.name, f.media, f.size, f.created, f.cid, f.number"
_OF = " FROM stored_file AS f WHERE f.account = :account AND f.state = 1"
_MATCHING = f"{_OF} AND (:query = '' OR f.name LIKE :pattern ESCAPE '\\')"


def begin(tx: Transaction, one: StoredFile, most: int) -> StoredFile:
    """See `ports.Files.begin`."""
    key = {"account": one.account}
    row = tx.execute(
        "SELECT u.used_storage, u.limit_storage FROM usage AS u JOIN account AS a"
        " ON a.number = u.account WHERE u.account = :account",
        key,
    ).fetchone()
    if row is None:
        raise NotFound("No such account")
    count, size = tx.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM stored_file WHERE account = :account", key
    ).fetchone()
    if count >= most:
        raise LimitReached("Too many files")
    used, limit = row[0], row[1] or tx.quota
    if limit and used + size + one.size > limit:
        raise OverQuota
    made = replace(one, number=next_number(tx.cursor, "stored_file"))
    tx.execute(
        "INSERT INTO stored_file (account, number, id, name, media, cid, size, created, state)"
        " VALUES (:account, :number, :id, :name, :media, :cid, :size, :created, 0)",
        {
            "account": made.account,
            "number": made.number,
            "id": made.id,
            "name": made.name,
            "media": made.media,
            "cid": made.cid,
            "size": made.size,
            "created": made.created,
        },
    )
    return made


def put(tx: Transaction, one: StoredFile, place: int, octets: bytes) -> None:
    """See `ports.Files.put`."""
    tx.execute(
        "INSERT INTO stored_piece (account, file, place, octets)"
        " VALUES (:account, :file, :place, :octets)",
        {**_key(one), "place": place, "octets": octets},
    )


def finish(tx: Transaction, one: StoredFile, actor: Actor) -> None:
    """See `ports.Files.finish`."""
    _turn(tx, one, COMING, THERE)
    _note(tx, "created", one, actor)


def remove(tx: Transaction, one: StoredFile, actor: Actor) -> None:
    """See `ports.Files.remove`."""
    _turn(tx, one, THERE, GOING)
    _note(tx, "removed", one, actor)


def get(cursor: Cursor, account: int, id: str) -> StoredFile | None:
    """See `ports.Files.get`."""
    row = cursor.execute(
        f"SELECT {_COLUMNS}{_OF} AND f.id = :id", {"account": account, "id": id}
    ).fetchone()
    return StoredFile(*row) if row is not None else None


@one_moment
def page(
    cursor: Cursor, account: int, after: int, before: int, limit: int, query: str
) -> tuple[Sequence[StoredFile], int]:
    """See `ports.Files.page`."""
    values = {
        "account": account,
        "after": after,
        "before": before,
        "limit": limit,
        "query": query,
        "pattern": like(query),
    }
    rows: list[Row] = cursor.execute(
        f"SELECT {_COLUMNS}{_MATCHING} {span('f', before)}", values
    ).fetchall()
    found = [StoredFile(*row) for row in (reversed(rows) if before else rows)]
    return found, number(cursor, f"SELECT count(*){_MATCHING}", values)


def piece(cursor: Cursor, one: StoredFile, place: int) -> bytes:
    """See `ports.Files.piece`."""
    row = cursor.execute(
        "SELECT octets FROM stored_piece"
        " WHERE account = :account AND file = :file AND place = :place",
        {**_key(one), "place": place},
    ).fetchone()
    return bytes(row[0]) if row is not None else b""


def clear(tx: Transaction, account: int, until: int) -> bool:
    """See `ports.Files.clear`."""
    row = tx.execute(
        "SELECT number FROM stored_file WHERE account = :account AND (state = :going"
        " OR (state = :coming AND created < :until)) ORDER BY number LIMIT 1",
        {"account": account, "until": until, "going": GOING, "coming": COMING},
    ).fetchone()
    if row is None:
        return False
    _drop(tx, account, row[0])
    return True


def forget_account(tx: Transaction, account: int) -> bool:
    """Drops some of what an account that is gone had; whether there was any."""
    row = tx.execute(
        "SELECT number FROM stored_file WHERE account = :account LIMIT 1", {"account": account}
    ).fetchone()
    if row is None:
        return False
    _drop(tx, account, row[0])
    return True


def _drop(tx: Transaction, account: int, file: int) -> None:
    """Some pieces of a file; where there is none left, the file."""
    key = {"account": account, "file": file}
    gone = tx.execute(
        "DELETE FROM stored_piece WHERE account = :account AND file = :file AND place IN"
        " (SELECT place FROM stored_piece WHERE account = :account AND file = :file LIMIT :step)",
        {**key, "step": STEP},
    ).rowcount
    if gone < STEP:
        tx.execute("DELETE FROM stored_file WHERE account = :account AND number = :file", key)


def _turn(tx: Transaction, one: StoredFile, before: int, after: int) -> None:
    changed = tx.execute(
        "UPDATE stored_file SET state = :after, size = :size WHERE account = :account"
        " AND number = :file AND state = :before",
        {**_key(one), "before": before, "after": after, "size": one.size},
    )
    if changed.rowcount == 0:
        raise NotFound("No such file")


def _note(tx: Transaction, what: str, one: StoredFile, actor: Actor) -> None:
    detail = json.dumps({"what": what, "id": one.id})
    tx.journal("filechanged", actor, one.account, detail=detail)


def _key(one: StoredFile) -> dict[str, object]:
    return {"account": one.account, "file": one.number}


class FileService:
    """`ports.Files`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def begin(self, one: StoredFile, most: int) -> Awaitable[StoredFile]:
        return self._runner.write(begin, one, most)

    def put(self, one: StoredFile, place: int, octets: bytes) -> Awaitable[None]:
        return self._runner.write(put, one, place, octets)

    def finish(self, one: StoredFile, actor: Actor) -> Awaitable[None]:
        return self._runner.write(finish, one, actor)

    def get(self, account: int, id: str) -> Awaitable[StoredFile | None]:
        return self._runner.read(get, account, id)

    def page(
        self,
        account: int,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
    ) -> Awaitable[tuple[Sequence[StoredFile], int]]:
        return self._runner.read(page, account, after, before, limit, query)

    def piece(self, one: StoredFile, place: int) -> Awaitable[bytes]:
        return self._runner.read(piece, one, place)

    def remove(self, one: StoredFile, actor: Actor) -> Awaitable[None]:
        return self._runner.write(remove, one, actor)

    def clear(self, account: int, until: int) -> Awaitable[bool]:
        return self._runner.write(clear, account, until)
