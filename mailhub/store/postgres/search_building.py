"""Keeping the index in the database: its builds, and the documents that go in and out.

Whoever keeps it does so alone, by a lease; should two do it all the same, one of them finds that a
build is not where it was, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields

from mailhub.model.indexed import Document, IndexStatus
from mailhub.store.faults import DriverError
from mailhub.store.fulltext.building import REMOVED_LEAST, Waiting
from mailhub.store.fulltext.spelling import prefix
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.search import TERMS, VERSION
from mailhub.store.sql import Cursor, number, put_rows

SIZE = 3
"""Letters of a piece."""
ROOM = 1_000_000
"""Bytes of a document's words, and of its pieces, that a vector has room for."""
STEP = 1000
"""Documents that are looked at in one commit."""


class StaleError(Exception):
    """Another process keeps the index, too, and was quicker."""


@dataclass(frozen=True, slots=True)
class Build:
    """A row of `search_build`."""

    number: int
    version: int
    serving: int
    position: int
    documents: int
    first: int
    last: int
    tries: int
    removed: int


Key = tuple[int, int, int]
BEGINNING: Key = (0, 0, 0)
"""Account, build and content of a document; none has that one."""

_NAMES = ", ".join(field.name for field in fields(Build))
_BUILDS = f"SELECT {_NAMES} FROM search_build ORDER BY number"
_BEGIN = (
    f"INSERT INTO search_build ({_NAMES})"
    " SELECT coalesce(max(number), 0) + 1, :version, :serving, 0, 0, 0, 0, 0,"
    " coalesce(max(removed), 0) FROM search_build"
)
_SERVE = "UPDATE search_build SET serving = 1 WHERE number = :number"
_DROP_OTHERS = "DELETE FROM search_build WHERE number <> :number"
_NOTE = (
    "UPDATE search_build SET first = :first, last = :last, tries = :tries WHERE number = :number"
)
_MOVE = (
    "UPDATE search_build SET position = :position, documents = documents + :count"
    " WHERE number = :number AND position = :before"
)
_PUT = (
    "INSERT INTO search_document"
    " (account, build, content, incomplete, words, pieces, fields, text) VALUES"
)
_AGAIN = (
    "ON CONFLICT (account, build, content) DO UPDATE SET incomplete = excluded.incomplete,"
    " words = excluded.words, pieces = excluded.pieces, fields = excluded.fields,"
    " text = excluded.text"
)
_NEXT = """
    SELECT account, build, content FROM search_document
    WHERE (account, build, content) > (:account, :build, :content)
    ORDER BY account, build, content LIMIT 1 OFFSET :step
"""
_GONE = """
    (NOT EXISTS (SELECT 1 FROM content AS c WHERE c.key = d.content AND c.account = d.account)
    OR NOT EXISTS (SELECT 1 FROM search_build AS b WHERE b.number = d.build))
"""
_REMOVE = (
    "DELETE FROM search_document AS d"
    " WHERE (d.account, d.build, d.content) > (:account, :build, :content) AND {end}"
    f" {_GONE} RETURNING d.build"
)
_REMOVE_SOME = _REMOVE.format(
    end="(d.account, d.build, d.content) <= (:last_account, :last_build, :last_content) AND"
)
_REMOVE_LAST = _REMOVE.format(end="")
_LESS = "UPDATE search_build SET documents = documents - :count WHERE number = :number"
_WEAR = "UPDATE search_build SET removed = removed + :count"
_LEFT_OVER = """
    SELECT c.relname FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
    WHERE NOT i.indisvalid AND c.relname LIKE 'search\\_document\\_%'
"""
"""Indexes that were being made when the database, or who asked for them, ended."""
_WAITING = "SELECT count(*) FROM content WHERE key > :position"
_REMOVED = f"SELECT count(*) FROM search_document AS d WHERE {_GONE}"
_SIZE = """
    SELECT 8192 * sum(relpages) FROM pg_class WHERE relname LIKE 'search\\_document%'
    OR oid IN (SELECT reltoastrelid FROM pg_class WHERE relname = 'search_document')
"""
"""As far as the database has counted: pages of the table, its indexes, and what stands beside."""


def builds(cursor: Cursor) -> list[Build]:
    """All that there are, the oldest first."""
    return [Build(*row) for row in cursor.execute(_BUILDS, {}).fetchall()]


def asked(known: Sequence[Build]) -> Build | None:
    """The one that searches ask."""
    ours = [build for build in known if build.serving and build.version == VERSION]
    return ours[-1] if ours else None


def making(known: Sequence[Build]) -> Build | None:
    """The one that is to take its place."""
    ours = [build for build in known if build.version == VERSION]
    return ours[-1] if ours and not ours[-1].serving else None


def begin(cursor: Cursor) -> None:
    """An empty build that searches ask from now on: they look at everything themselves."""
    cursor.execute(_BEGIN, {"version": VERSION, "serving": 1})


def order(cursor: Cursor) -> None:
    """An empty build beside the one that is asked, to be filled by whoever keeps the index."""
    if making(builds(cursor)) is None:
        cursor.execute(_BEGIN, {"version": VERSION, "serving": 0})


def serve(connection: Connection, build: Build) -> None:
    """Searches ask this one from now on, and there is no other."""
    with _transaction(connection):
        connection.execute(_SERVE, {"number": build.number})
        connection.execute(_DROP_OTHERS, {"number": build.number})


def note(cursor: Cursor, build: int, first: int, last: int, tries: int) -> None:
    """What is being read for a build."""
    row = {"number": build, "first": first, "last": last, "tries": tries}
    cursor.execute(_NOTE, row)


def put(
    connection: Connection, build: Build, taken: Sequence[tuple[Waiting, Document | None]]
) -> None:
    """Writes documents, in order, in one commit. None: nothing can be said of that message. Raises
    StaleError."""
    rows = [_row(build.number, one, document) for one, document in taken]
    position = {
        "number": build.number,
        "before": build.position,
        "position": taken[-1][0].content,
        "count": len(taken),
    }
    with _transaction(connection):
        if connection.execute(_MOVE, position).rowcount != 1:
            raise StaleError
        put_rows(connection, _PUT, rows, _AGAIN)


def measure(connection: Connection) -> None:
    """Tells the planner what there is: of a table that it does not know it may look through all
    documents of an account rather than look up a term."""
    connection.upkeep("ANALYZE search_document")


def remove(connection: Connection, after: Key) -> Key | None:
    """Drops documents whose message or build is gone, among the next ones; the last that was looked
    at, None where there are no more."""
    account, build, content = after
    place: dict[str, object] = {"account": account, "build": build, "content": content}
    with _transaction(connection):
        last: Key | None = connection.execute(_NEXT, {**place, "step": STEP - 1}).fetchone()
        if last is None:
            gone = connection.execute(_REMOVE_LAST, place).fetchall()
        else:
            end = dict(zip(("last_account", "last_build", "last_content"), last, strict=True))
            gone = connection.execute(_REMOVE_SOME, {**place, **end}).fetchall()
        for one in sorted({build for (build,) in gone}):
            connection.execute(_LESS, {"number": one, "count": gone.count((one,))})
        if gone:
            connection.execute(_WEAR, {"count": len(gone)})
    return last


def worn(known: Sequence[Build]) -> int:
    """Documents that left their terms behind, where it is time to make the indexes of terms anew;
    else 0. PostgreSQL takes no term out of the tree of a GIN index again."""
    removed = max((build.removed for build in known), default=0)
    documents = sum(build.documents for build in known)
    return removed if removed > max(REMOVED_LEAST, (documents + removed) // 3) else 0


def renew(connection: Connection, removed: int) -> None:
    """Makes the indexes of terms anew while everybody goes on; this takes minutes where there are a
    million messages. `removed`: what `worn` said. Raises DriverError."""
    for (name,) in connection.execute(_LEFT_OVER, {}).fetchall():
        connection.upkeep(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    for name in TERMS:
        connection.upkeep(f"REINDEX INDEX CONCURRENTLY {name}")
    connection.execute(_WEAR, {"count": -removed})


def status(cursor: Cursor, state: str) -> IndexStatus:
    """How the index stands."""
    build = asked(builds(cursor))
    position = build.position if build is not None else 0
    return IndexStatus(
        state,
        build.documents if build is not None else 0,
        number(cursor, _WAITING, {"position": position}),
        number(cursor, _REMOVED, {}),
        number(cursor, _SIZE, {}) if build is not None else 0,
    )


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(DriverError):
            connection.roll_back()
        raise
    connection.commit()


# -- documents as terms


def _row(build: int, one: Waiting, document: Document | None) -> tuple[object, ...]:
    if document is None:
        return one.account, build, one.content, 1, "", "", "", ""
    begins = prefix(one.account)
    words, every_word = _joined(begins, document.words.split(" ") if document.words else [])
    pieces, every_piece = _joined(begins, sorted(_pieces(document.pieces)))
    whole = document.complete and every_word and every_piece
    ordered = document.fields, document.text
    return one.account, build, one.content, int(not whole), words, pieces, *ordered


def _pieces(text: str) -> set[str]:
    """All letters that stand together, three at a time."""
    found: set[str] = set()
    for token in text.split(" "):
        found.update([token[at : at + SIZE] for at in range(len(token) - SIZE + 1)])
    return found


def _joined(begins: str, terms: Sequence[str]) -> tuple[str, bool]:
    """Terms as they stand in a row, and whether those are all: there is room for so many."""
    joined = " ".join([begins + term for term in terms])
    if len(joined) * 4 <= ROOM:  # octets of a letter, at most
        return joined, True
    octets = joined.encode()
    if len(octets) <= ROOM:
        return joined, True
    return octets[: octets.rfind(b" ", 0, ROOM)].decode(), False
