"""What is asked of the index: one key in a mailbox, a page of what matches in an account.

How keys become SQL stands in `lookup`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.indexed import IndexPage, Looked, Place, Span
from mailhub.model.listing import Heads
from mailhub.model.search import And, Indexed, Not, Or, SearchKey
from mailhub.store.conversations import thread_of
from mailhub.store.fulltext.fts5 import ATTACHED
from mailhub.store.fulltext.lookup import ALL, FAR, NONE, Compiler, Part, both
from mailhub.store.fulltext.spelling import Spelling
from mailhub.store.messages import Lazily
from mailhub.store.sql import Cursor, array_text, integers, item, number


def _compiler(cursor: Cursor, account: int, spelling: Spelling) -> Compiler | None:
    """For the index as it is now; None where it cannot be asked."""
    position = spelling.position(cursor, account)
    if position is None:
        return None
    far = number(
        cursor,
        "SELECT count(*) FROM (SELECT 1 FROM content WHERE key > :position LIMIT :far) AS behind",
        {"position": position, "far": FAR},
    )
    return Compiler(account, spelling, cursor, position, far == FAR)


def look(
    cursor: Cursor, spelling: Spelling, account: int, mailbox: int, key: Indexed
) -> Looked | None:
    """See `ports.SearchIndex.look`."""
    with _OneMoment(cursor):
        compiler = _compiler(cursor, account, spelling)
        if compiler is None:
            return None
        lower, upper = compiler.part(key, upper=False), compiler.part(key, upper=True)
        surely = _uids(cursor, lower, mailbox, compiler)
        between = _between(key, lower, upper, compiler)
        return Looked(surely, _uids(cursor, between, mailbox, compiler))


def _uids(cursor: Cursor, part: Part, mailbox: int, compiler: Compiler) -> list[int]:
    """In any order."""
    if part == NONE:
        return []
    rows = compiler.select(part, "m.uid AS uid", [mailbox])
    sql = f"SELECT group_concat(uid) FROM ({rows}) AS found"
    return integers(cursor.execute(sql, compiler.parameters).fetchone()[0])


def page(
    cursor: Cursor,
    spelling: Spelling,
    account: int,
    mailboxes: Sequence[int],
    key: SearchKey,
    span: Span,
    also: Sequence[Place] = (),
    *,
    indexed: bool = True,
) -> IndexPage:
    """See `ports.SearchIndex.page`. `indexed`: whether there may be an index to be asked."""
    with _OneMoment(cursor):
        compiler = _compiler(cursor, account, spelling) if indexed else None
        compiler = compiler or Compiler(account, spelling, cursor, None)
        lower, upper = compiler.part(key, upper=False), compiler.part(key, upper=True)
        between = _between(key, lower, upper, compiler)
        total, places = _page(cursor, lower, mailboxes, compiler, span, also)
        maybe = _every(cursor, between, mailboxes, compiler)
        return IndexPage(total, places, maybe)


def _between(key: SearchKey, lower: Part, upper: Part, compiler: Compiler) -> Part:
    """What may match and does not surely. Nothing where all is known."""
    if _settled(key, compiler.cursor) and not (_about_text(key) and compiler.anything_open()):
        return NONE
    return both([upper, ALL if lower == NONE else Part(f"NOT {lower.whole}")])


def _settled(key: SearchKey, cursor: Cursor) -> bool:
    """Whether rows, and an index that has seen every message, have the whole answer."""
    match key:
        case And() | Or() | Not():
            return all(_settled(inner, cursor) for inner in _inner(key))
        case Indexed(surely, possibly, phrase):
            return phrase is not None or surely == possibly
    lower, upper = (Compiler(0, ATTACHED, cursor, None).part(key, upper) for upper in (False, True))
    return lower == upper


def _about_text(key: SearchKey) -> bool:
    return isinstance(key, Indexed) or any(map(_about_text, _inner(key)))


def _inner(key: SearchKey) -> Sequence[SearchKey]:
    match key:
        case And(keys):
            return keys
        case Or(left, right):
            return left, right
        case Not(inner):
            return (inner,)
    return ()


_COLUMNS = "m.content AS content, m.mailbox AS mailbox, m.uid AS uid"
_THREADED = f"{_COLUMNS}, {thread_of('m')} AS thread"
_ALSO = (
    f" UNION SELECT {_THREADED} FROM json_each(:also) AS w CROSS JOIN message AS m"
    f" WHERE m.account = :account AND m.mailbox = {item('w', 0)}"
    f" AND m.uid = {item('w', 1)}"
)
_FIRST = (
    "(SELECT content, mailbox, uid, row_number() OVER (PARTITION BY thread"
    " ORDER BY content {way}, mailbox {way}, uid {way}) AS place FROM ({hits}) AS found)"
)
"""Of each thread the newest one, or the oldest."""
_FOLDED = "SELECT json_group_array(json_array(content, mailbox, uid)) FROM"


def _page(
    cursor: Cursor,
    part: Part,
    mailboxes: Sequence[int],
    compiler: Compiler,
    span: Span,
    also: Sequence[Place],
) -> tuple[int, Sequence[Place]]:
    """How many there are, and those of the span, found in one go."""
    if part == NONE and not also:
        return 0, ()
    parameters = compiler.parameters
    sign, way = (">", "ASC") if span.ascending else ("<", "DESC")
    hits = compiler.select(part, _COLUMNS, mailboxes)
    if span.heads is not Heads.ALL or also:
        hits = compiler.select(part, _THREADED, mailboxes) + (_ALSO if also else "")
        parameters["also"] = array_text((one.mailbox, one.uid) for one in also)
    if span.heads is not Heads.ALL:
        side = "DESC" if span.heads is Heads.NEWEST else "ASC"
        first = _FIRST.format(way=side, hits=hits)
        hits = f"SELECT content, mailbox, uid FROM {first} AS threads WHERE place = 1"
    behind = ""
    if span.after is not None:
        behind = f"WHERE (content, mailbox, uid) {sign} (:content, :mailbox, :uid)"
        place = span.after
        parameters |= {"content": place.content, "mailbox": place.mailbox, "uid": place.uid}
    total, places = cursor.execute(
        f"WITH hits AS MATERIALIZED ({hits})"
        f" SELECT (SELECT count(*) FROM hits), ({_FOLDED} (SELECT content, mailbox, uid FROM hits"
        f" {behind} ORDER BY content {way}, mailbox {way}, uid {way} LIMIT {span.limit:d})"
        " AS page)",
        parameters,
    ).fetchone()
    return total, [Place(*row) for row in json.loads(places)]


def _every(
    cursor: Cursor, part: Part, mailboxes: Sequence[int], compiler: Compiler
) -> Sequence[Place]:
    """All of them, by mailbox and UID."""
    if part == NONE:
        return ()
    rows = compiler.select(part, _COLUMNS, mailboxes)
    found = cursor.execute(
        f"{_FOLDED} ({rows} ORDER BY m.mailbox, m.uid) AS rows", compiler.parameters
    ).fetchone()
    return Lazily(lambda row: Place(*row), json.loads(found[0]))


class _OneMoment:
    """All statements within see the same commits of both databases."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def __enter__(self) -> None:
        self._cursor.execute("BEGIN", {})

    def __exit__(self, *_: object) -> None:
        self._cursor.execute("COMMIT", {})
