"""Small files that all processes of a server have in common: secrets, settings, certificates.

What they are, and where they lie in a process's own folder, is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace

from mailhub.model.change import Actor, KeptChanged
from mailhub.model.kept import Kept
from mailhub.store.postgres.connection import Connection
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, array_text
from mailhub.store.transaction import Transaction

TABLE = "CREATE TABLE kept (name TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, octets BLOB)"
"""name: a path. version: from 1. octets: NULL where the file was taken away."""
_ACTOR = Actor(source="kept files")
_FIRST = """
    INSERT INTO kept (name, version, octets) VALUES (:name, 1, :octets)
    ON CONFLICT (name) DO NOTHING
"""
_NEXT = """
    UPDATE kept SET version = version + 1, octets = :octets
    WHERE name = :name AND version = :version
"""
_SOME = """
    SELECT name, octets, version FROM kept WHERE name IN (SELECT value FROM json_each(:names))
"""
_ALL = "SELECT name, octets, version FROM kept ORDER BY name"
_ALONE = """
    INSERT INTO counter (name, value) VALUES ('journal', 0)
    ON CONFLICT (name) DO UPDATE SET value = counter.value
"""
"""Waits for commits under way, and holds up others: what belongs together is put together."""


def versions(cursor: Cursor) -> Mapping[str, int]:
    """See `ports.KeptFiles`."""
    return dict(cursor.execute("SELECT name, version FROM kept", {}).fetchall())


def some(cursor: Cursor, names: Sequence[str]) -> Sequence[Kept]:
    """See `ports.KeptFiles`."""
    rows = cursor.execute(_SOME, {"names": array_text(names)}).fetchall()
    return [Kept(*row) for row in rows]


def put(tx: Transaction, files: Sequence[Kept]) -> Sequence[Kept]:
    """See `ports.KeptFiles`."""
    taken = [one for file in files if (one := _put(tx.cursor, file)) is not None]
    for file in taken:
        detail = json.dumps({"name": file.name})
        tx.tell(KeptChanged(tx.journal("keptchanged", _ACTOR, detail=detail), file.name))
    return taken


def _put(cursor: Cursor, file: Kept) -> Kept | None:
    about = {"name": file.name, "octets": file.octets}
    if file.version:
        rows = cursor.execute(_NEXT, {**about, "version": file.version})
    else:
        rows = cursor.execute(_FIRST, about)
    return replace(file, version=file.version + 1) if rows.rowcount else None


class KeptService:
    """`ports.KeptFiles`. `where`: the database."""

    def __init__(self, where: str, runner: Runner) -> None:
        self._where = where
        self._runner = runner

    def versions(self) -> Awaitable[Mapping[str, int]]:
        """See `ports.KeptFiles`."""
        return self._runner.read(versions)

    def some(self, names: Sequence[str]) -> Awaitable[Sequence[Kept]]:
        """See `ports.KeptFiles`."""
        return self._runner.read(some, names)

    def put(self, files: Sequence[Kept]) -> Awaitable[Sequence[Kept]]:
        """See `ports.KeptFiles`."""
        return self._runner.write(put, files)

    def agree(self, files: Sequence[Kept]) -> Sequence[Kept]:
        """See `ports.KeptFiles`."""
        connection = Connection(self._where)
        try:
            connection.begin()
            connection.execute(_ALONE, {})
            for file in files:
                _put(connection, file)
            found = [Kept(*row) for row in connection.execute(_ALL, {}).fetchall()]
            connection.commit()
            return found
        finally:
            connection.close()
