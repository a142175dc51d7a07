"""Bodies that stand in the database, beside the rows that refer to them.

A row calls a body's number its segment, and begins at 0: each body is a segment of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store.batch import Job
from mailhub.store.orders import Blob
from mailhub.store.postgres.connection import Connection
from mailhub.store.sql import array_text, item, next_number, number, put_rows
from mailhub.store.transaction import Transaction

STEP = 500
"""Bodies that are looked at in one commit."""
_PART = (
    f"SELECT substr(b.octets, {item('w', 1)} + 1, {item('w', 2)}) FROM json_each(:wanted) AS w"
    f" CROSS JOIN blob AS b WHERE b.segment = {item('w', 0)} ORDER BY w.key"
)
_NEXT = """
    SELECT max(segment) FROM
        (SELECT segment FROM blob WHERE segment > :after ORDER BY segment LIMIT :step) AS some_blobs
"""
_DROP = """
    DELETE FROM blob WHERE segment > :after AND segment <= :last
    AND NOT EXISTS (SELECT 1 FROM content AS c WHERE c.segment = blob.segment)
    AND NOT EXISTS (SELECT 1 FROM queue_message AS m WHERE m.segment = blob.segment)
"""
_SEEN = "bodies looked at"


def read(connection: Connection, refs: Sequence[BlobRef]) -> Sequence[bytes]:
    """See `ports.Blobs.read`."""
    wanted = array_text((ref.segment, ref.offset, ref.length) for ref in refs)
    found = connection.octets(_PART, {"wanted": wanted})
    if [len(one) for one in found] != [ref.length for ref in refs]:
        raise Corrupt("The stored message is missing")
    return found


def put(tx: Transaction, jobs: Sequence[Job]) -> list[Sequence[Blob]]:
    """Puts the jobs' bodies where rows can refer to them; where, by job."""
    bodies = [body for job in jobs for body in job.bodies]
    first = next_number(tx.cursor, "blob", len(bodies)) if bodies else 0
    blobs = [
        Blob(BlobRef(first + place, 0, len(body.view)), body.digest, body.view, body.plain)
        for place, body in enumerate(bodies)
    ]
    put_rows(
        tx.cursor,
        "INSERT INTO blob (segment, octets) VALUES",
        [(blob.ref.segment, blob.view) for blob in blobs],
    )
    found: list[Sequence[Blob]] = []
    start = 0
    for job in jobs:
        found.append(blobs[start : start + len(job.bodies)])
        start += len(job.bodies)
    return found


def sweep(tx: Transaction) -> bool:
    """Drops bodies that no row refers to, among the next few; whether there are more of them.

    Rows and bodies are committed together, so what is seen without a row has none any more. Goes
    round: behind the last one it begins anew, at the next call.
    """
    after = number(tx.cursor, "SELECT value FROM counter WHERE name = :name", {"name": _SEEN})
    last = number(tx.cursor, _NEXT, {"after": after, "step": STEP})
    if last:
        tx.execute(_DROP, {"after": after, "last": last})
    if last or after:
        tx.execute(
            "INSERT INTO counter (name, value) VALUES (:name, :last)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            {"name": _SEEN, "last": last},
        )
    return bool(last)
