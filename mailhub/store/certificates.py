"""Challenges of certificates that are asked for, and attempts that failed, as rows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence

from mailhub.model.acme import Attempt
from mailhub.model.change import Actor
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, array_text, put_rows
from mailhub.store.transaction import Transaction

_THESE = "IN (SELECT value FROM json_each(:these))"


def put(tx: Transaction, challenges: Sequence[tuple[str, str]], expires: int) -> None:
    """See `ports.CertificateNotes.put`."""
    drop(tx, [token for token, _ in challenges])
    put_rows(
        tx.cursor,
        "INSERT INTO acme_challenge (token, content, expires) VALUES",
        [(token, content, expires) for token, content in challenges],
    )


def answer(cursor: Cursor, token: str, now: int) -> str | None:
    """See `ports.CertificateNotes.answer`."""
    row = cursor.execute(
        "SELECT content FROM acme_challenge WHERE token = :token AND expires > :now",
        {"token": token, "now": now},
    ).fetchone()
    return None if row is None else str(row[0])


def drop(tx: Transaction, tokens: Sequence[str]) -> None:
    """See `ports.CertificateNotes.drop`."""
    tx.execute(
        f"DELETE FROM acme_challenge WHERE token {_THESE} OR expires <= :now",
        {"these": array_text(tokens), "now": tx.now},
    )


def attempts(cursor: Cursor) -> Sequence[Attempt]:
    """See `ports.CertificateNotes.attempts`."""
    rows = cursor.execute(
        "SELECT name, failures, failed, due, reason FROM acme_attempt ORDER BY name", {}
    ).fetchall()
    return [Attempt(*row) for row in rows]


def failed(tx: Transaction, these: Sequence[Attempt]) -> None:
    """See `ports.CertificateNotes.failed`."""
    _forget(tx, [one.name for one in these])
    put_rows(
        tx.cursor,
        "INSERT INTO acme_attempt (name, failures, failed, due, reason) VALUES",
        [(one.name, one.failures, one.failed, one.due, one.reason) for one in these],
    )


def changed(tx: Transaction, what: str, id: str, names: Sequence[str], actor: Actor) -> None:
    """See `ports.CertificateNotes.changed`."""
    if what == "installed":
        _forget(tx, names)
    detail = {"what": what, "id": id, "names": list(names)}
    tx.journal("certificateschanged", actor, detail=json.dumps(detail))


def _forget(tx: Transaction, names: Sequence[str]) -> None:
    tx.execute(f"DELETE FROM acme_attempt WHERE name {_THESE}", {"these": array_text(names)})


class CertificateNoteService:
    """`ports.CertificateNotes`. Its tables are small: whole ones are read."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def put(self, challenges: Sequence[tuple[str, str]], expires: int) -> Awaitable[None]:
        return self._runner.write(put, challenges, expires)

    def answer(self, token: str, now: int) -> Awaitable[str | None]:
        return self._runner.read(answer, token, now)

    def drop(self, tokens: Sequence[str]) -> Awaitable[None]:
        return self._runner.write(drop, tokens)

    def attempts(self) -> Awaitable[Sequence[Attempt]]:
        return self._runner.read(attempts)

    def failed(self, attempts: Sequence[Attempt]) -> Awaitable[None]:
        return self._runner.write(failed, attempts)

    def changed(self, what: str, id: str, names: Sequence[str], actor: Actor) -> Awaitable[None]:
        return self._runner.write(changed, what, id, names, actor)
