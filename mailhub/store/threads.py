"""Which thread a message belongs to (THREADID, RFC 8474): by the message ids that it names.

Each account keeps a hash of every message id that was seen, its own or in References, with the
thread it belongs to. A message joins the first thread that its ids lead to, or begins one. What
threads a client computes for THREAD (RFC 5256) is another matter and not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b

from mailhub.model.message import Rendered
from mailhub.store.sql import array_text, item, put_rows
from mailhub.store.transaction import Transaction

MAX_IDS = 24
"""Ids of one message that are looked at: the newest references, which lie nearest to it."""


def hash_of(message_id: str) -> int:
    """63 bits of the id, as SQL's signed integers hold them."""
    digest = blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Threads:
    """The threads that a batch of arrivals touches, looked up once and written once."""

    __slots__ = ("_fresh", "_hashed", "_known", "_tx")

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[tuple[int, int], int] = {}
        self._hashed: dict[str, int] = {}
        self._fresh: list[tuple[int, int, int]] = []

    def look_up(self, arriving: Iterable[tuple[int, Rendered]]) -> None:
        """Loads what is known of the ids of all (account, message) that will be asked for."""
        wanted = {
            (account, one) for account, rendered in arriving for one in self._hashes(rendered)
        }
        if not wanted:
            return
        row = self._tx.execute(
            "SELECT json_group_array(json_array(t.account, t.hash, t.thread))"
            " FROM json_each(:wanted) AS wanted CROSS JOIN thread_reference AS t"
            f" WHERE t.account = {item('wanted', 0)}"
            f" AND t.hash = {item('wanted', 1)} ORDER BY wanted.key",
            {"wanted": array_text(wanted)},
        ).fetchone()
        for account, one, thread in json.loads(row[0]):
            self._known[account, one] = thread

    def thread(self, account: int, content: int, rendered: Rendered) -> int:
        """The thread: the key of its first content, which may be this one."""
        hashes = self._hashes(rendered)
        known = self._known
        thread = content
        for one in hashes:
            found = known.get((account, one))
            if found is not None:
                thread = found
                break
        for one in hashes:
            if (account, one) not in known:
                known[account, one] = thread
                self._fresh.append((account, one, thread))
        return thread

    def _hashes(self, rendered: Rendered) -> list[int]:
        """The message's own id first, then references from the newest on."""
        newest = rendered.references[: -MAX_IDS - 1 : -1]
        ids = (rendered.message_id, *newest) if rendered.message_id else newest
        hashed = self._hashed
        for one in ids:
            if one not in hashed:
                hashed[one] = hash_of(one)
        return [hashed[one] for one in ids]

    def write(self) -> None:
        """Stores the ids that were new."""
        if self._fresh:
            put_rows(
                self._tx.cursor,
                "INSERT INTO thread_reference (account, hash, thread) VALUES",
                sorted(self._fresh),
            )
