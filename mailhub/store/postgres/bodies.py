"""Bodies and the rows of a commit: which number each has, and which of them stand in the database.

A row calls a body's number its segment, and begins at 0: each body is a segment of its own. Larger
ones were put into the bucket before the commit (see `outside`). What no row refers to any more is
noted here, in the commit that makes it so, and goes later (see `freeing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.message import BlobRef
from mailhub.store import sealing
from mailhub.store.batch import Bytes, Job
from mailhub.store.orders import Blob
from mailhub.store.postgres import keyring
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.keyring import Keyring, SealedKey
from mailhub.store.s3.names import SEALED, is_object, is_sealed
from mailhub.store.sql import array_text, item, next_number, put_rows
from mailhub.store.transaction import Transaction

TABLES = (
    # Bodies that stand in the database. segment: as rows that refer to it call it.
    "CREATE TABLE blob (segment BIGINT PRIMARY KEY, octets BLOB NOT NULL)",
    # Bodies that a row stood on which is gone: they may be in use all the same. at: since when;
    # of objects later, by as much as they stay longer.
    "CREATE TABLE freed (segment BIGINT PRIMARY KEY, at BIGINT NOT NULL)",
    "CREATE INDEX freed_at ON freed (at)",
)
_PART = (
    f"SELECT substr(b.octets, {item('w', 1)} + 1, {item('w', 2)}) FROM json_each(:wanted) AS w"
    f" CROSS JOIN blob AS b WHERE b.segment = {item('w', 0)} ORDER BY w.key"
)


class Uploaded(Bytes):
    """A body that is in the bucket already. `sealed`: its key, where it is encrypted."""

    __slots__ = ("sealed", "segment")

    def __init__(self, body: Bytes, segment: int, sealed: SealedKey | None) -> None:
        super().__init__(body.view, body.digest, body.plain)
        self.segment = segment
        self.sealed = sealed


def read(connection: Connection, refs: Sequence[BlobRef]) -> Sequence[bytes]:
    """Octets as they stand in the database. Raises Corrupt."""
    wanted = array_text((ref.segment, ref.offset, ref.length) for ref in refs)
    found = connection.octets(_PART, {"wanted": wanted})
    if [len(one) for one in found] != [ref.length for ref in refs]:
        raise Corrupt("The stored message is missing")
    return found


def read_opened(
    connection: Connection, refs: Sequence[BlobRef], ring: Keyring | None
) -> Sequence[bytes]:
    """Bodies in the database. Raises Corrupt, Unavailable."""
    closed = [ref.segment for ref in refs if is_sealed(ref.segment) and ref.length]
    if not closed:
        return read(connection, refs)
    if ring is None:
        raise Unavailable("The message is encrypted, and there is no encryption.file")
    keys = ring.find(connection, closed)
    return opened(refs, keys, read(connection, [span(ref, keys) for ref in refs]))


def span(ref: BlobRef, keys: Mapping[int, SealedKey]) -> BlobRef:
    """Which of the octets that are kept hold those of a body. `keys`: of the sealed ones."""
    key = keys.get(ref.segment)
    if key is None or not ref.length:
        return ref
    first, last = sealing.span(key.size, ref.offset, ref.offset + ref.length)
    return BlobRef(ref.segment, first, last - first)


def opened(
    refs: Sequence[BlobRef], keys: Mapping[int, SealedKey], octets: Sequence[bytes]
) -> list[bytes]:
    """The octets of bodies out of those that are kept, which `span` names. Raises Corrupt."""
    found = []
    for ref, data in zip(refs, octets, strict=True):
        key = keys.get(ref.segment)
        if key is not None and ref.length:
            stop = ref.offset + ref.length
            whole = memoryview(data)
            data = sealing.unseal(key.key, ref.segment, key.size, whole, ref.offset, stop)
        found.append(data)
    return found


class Bodies:
    """What a committer does with the bodies of its jobs. `ring` None: nothing is encrypted.
    `longer`: seconds that objects stay longer than what stands in the database."""

    def __init__(self, ring: Keyring | None = None, longer: int = 0) -> None:
        self._ring = ring
        self._longer = longer

    def put(self, tx: Transaction, jobs: Sequence[Job]) -> list[Sequence[Blob]]:
        """Where rows can refer to the jobs' bodies; by job. To be followed by `keep`."""
        here = sum(not isinstance(body, Uploaded) for job in jobs for body in job.bodies)
        fresh = next_number(tx.cursor, "blob", here) if here else 0
        sealed = SEALED if self._ring is not None else 0
        found: list[Sequence[Blob]] = []
        for job in jobs:
            blobs = []
            for body in job.bodies:
                if isinstance(body, Uploaded):
                    segment = body.segment
                else:
                    segment, fresh = fresh | sealed, fresh + 1
                ref = BlobRef(segment, 0, len(body.view))
                blobs.append(Blob(ref, body.digest, body.view, body.plain))
            found.append(blobs)
        return found

    def keep(self, tx: Transaction, jobs: Sequence[Job], put: Sequence[Sequence[Blob]]) -> None:
        """Writes them, when the jobs were carried out; notes those that no row refers to, and what
        rows referred to that went."""
        used = {segment for _, segment in tx.placed}
        rows: list[tuple[int, bytes | memoryview]] = []
        keys: dict[int, SealedKey] = {}
        left = set(tx.left)
        for job, blobs in zip(jobs, put, strict=True):
            for body, blob in zip(job.bodies, blobs, strict=True):
                segment = blob.ref.segment
                if segment not in used:
                    left.add(segment)
                if not isinstance(body, Uploaded):
                    rows.append((segment, self._sealed(blob, keys)))
                elif body.sealed is not None:
                    keys[segment] = body.sealed
        put_rows(tx.cursor, "INSERT INTO blob (segment, octets) VALUES", rows)
        if self._ring is not None:
            self._ring.share(tx, keys)
        if tx.purged:
            keyring.forget(tx, tx.purged)
        if left:
            put_rows(
                tx.cursor,
                "INSERT INTO freed (segment, at) VALUES",
                [(segment, self._since(tx.now, segment)) for segment in sorted(left)],
                "ON CONFLICT (segment) DO UPDATE SET at = excluded.at",
            )

    def _since(self, now: int, segment: int) -> int:
        return now + self._longer if is_object(segment) else now

    def _sealed(self, blob: Blob, keys: dict[int, SealedKey]) -> bytes | memoryview:
        if self._ring is None:
            return blob.view
        segment, size = blob.ref.segment, len(blob.view)
        key = keys[segment] = SealedKey(sealing.fresh_key(), size)
        return sealing.seal(key.key, segment, size, blob.view)
