"""SEARCH, SORT and THREAD: search programs, RETURN options, sort orders, charsets.

RFC 9051 6.4.4, RFC 4731 and 5182 (RETURN), RFC 5032 (WITHIN), RFC 5256 and 5957 (SORT, THREAD),
RFC 7162 (MODSEQ), RFC 8474 (ids), RFC 8514 (SAVED…), RFC 9394 (PARTIAL). A program is bounded in
terms and in depth, so its parser can recurse.
"""

from __future__ import annotations

from collections.abc import Callable

from mailhub.imap.grammar.cursor import Cursor, decoded
from mailhub.imap.grammar.fetch import partial_range
from mailhub.imap.grammar.values import Search, Sort, Thread
from mailhub.model import flags
from mailhub.model.errors import Invalid, LimitReached, Unsupported
from mailhub.model.search import (
    And,
    BodyHas,
    DateIs,
    DateTest,
    EmailIdIs,
    Everything,
    HasFlag,
    HasKeyword,
    HeaderHas,
    InNumbers,
    InUids,
    IsRecent,
    Larger,
    ModSeqFrom,
    Moment,
    Not,
    Older,
    Or,
    Returns,
    SaveDateSupported,
    SearchKey,
    Smaller,
    SortField,
    SortKey,
    TextHas,
    ThreadAlgorithm,
    ThreadIdIs,
    Younger,
)

MAX_DEPTH = 32
MAX_TERMS = 500
CHARSETS = (b"US-ASCII", b"UTF-8")


class BadCharset(Unsupported):
    """A charset other than `CHARSETS` (RFC 9051 6.4.4, response code BADCHARSET)."""

    default = "The charset is not supported"


def search(cursor: Cursor) -> Search:
    """What follows `SEARCH`."""
    return _search(cursor, False)


def uid_search(cursor: Cursor) -> Search:
    """What follows `UID SEARCH`."""
    return _search(cursor, True)


def sort(cursor: Cursor) -> Sort:
    """What follows `SORT`."""
    return _sort(cursor, False)


def uid_sort(cursor: Cursor) -> Sort:
    """What follows `UID SORT`."""
    return _sort(cursor, True)


def thread(cursor: Cursor) -> Thread:
    """What follows `THREAD`."""
    return _thread(cursor, False)


def uid_thread(cursor: Cursor) -> Thread:
    """What follows `UID THREAD`."""
    return _thread(cursor, True)


def _search(cursor: Cursor, uid: bool) -> Search:
    cursor.space()
    returns = _returns(cursor)
    if _comes(cursor, b"CHARSET "):
        _charset(cursor)
        cursor.space()
    program = _Program(cursor)
    return Search(uid, program.read(), returns, program.uses_modseq)


def _sort(cursor: Cursor, uid: bool) -> Sort:
    cursor.space()
    returns = _returns(cursor)
    order = _order(cursor)
    cursor.space()
    _charset(cursor)
    cursor.space()
    program = _Program(cursor)
    return Sort(uid, order, program.read(), returns, program.uses_modseq)


def _thread(cursor: Cursor, uid: bool) -> Thread:
    cursor.space()
    try:
        algorithm = ThreadAlgorithm(cursor.word("Thread algorithm").decode("ascii"))
    except ValueError:
        raise Invalid("Unknown thread algorithm") from None
    cursor.space()
    _charset(cursor)
    cursor.space()
    return Thread(uid, algorithm, _Program(cursor).read())


def _comes(cursor: Cursor, word: bytes) -> bool:
    """Steps over `word`, in any case, where it comes next."""
    end = cursor.at + len(word)
    if cursor.data[cursor.at : end].upper() != word:
        return False
    cursor.at = end
    return True


def _charset(cursor: Cursor) -> None:
    """US-ASCII is a subset of UTF-8, so that both decode alike."""
    if cursor.astring().upper() not in CHARSETS:
        raise BadCharset


def _order(cursor: Cursor) -> tuple[SortKey, ...]:
    cursor.expect(b"(")
    keys: list[SortKey] = []
    while True:
        name = cursor.word("Sort key")
        reverse = name == b"REVERSE"
        if reverse:
            cursor.space()
            name = cursor.word("Sort key")
        try:
            keys.append(SortKey(SortField(name.decode("ascii")), reverse))
        except ValueError:
            raise Invalid("Unknown sort key") from None
        if cursor.take(b")"):
            return tuple(keys)
        if len(keys) >= MAX_DEPTH:
            raise LimitReached("Too many sort keys")
        cursor.space()


RETURN_WORDS = {b"MIN": "minimum", b"MAX": "maximum", b"ALL": "all", b"COUNT": "count"}


def _returns(cursor: Cursor) -> Returns | None:
    if not _comes(cursor, b"RETURN "):
        return None
    cursor.expect(b"(")
    wanted: set[bytes] = set()
    partial = None
    while not cursor.take(b")"):
        if wanted:
            cursor.space()
        word = cursor.word("Return option")
        if word not in RETURN_WORDS and word not in (b"SAVE", b"PARTIAL"):
            raise Invalid("Unknown return option")
        if word == b"PARTIAL":
            if partial is not None:
                raise Invalid("PARTIAL may stand once")
            cursor.space()
            partial = partial_range(cursor)
        wanted.add(word)
    cursor.space()
    if partial is not None and b"ALL" in wanted:
        raise Invalid("ALL and PARTIAL exclude each other")
    return Returns(
        minimum=b"MIN" in wanted,
        maximum=b"MAX" in wanted,
        all=b"ALL" in wanted or not wanted,
        count=b"COUNT" in wanted,
        save=b"SAVE" in wanted,
        partial=partial,
    )


class _Program:
    """Reads search keys, counting terms and depth."""

    __slots__ = ("cursor", "terms", "uses_modseq")

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.terms = 0
        self.uses_modseq = False

    def read(self) -> SearchKey:
        """search-key *(SP search-key), to the end of the command."""
        return self._keys(0, closed=False)

    def _keys(self, depth: int, closed: bool) -> SearchKey:
        cursor = self.cursor
        keys = [self.key(depth)]
        while not (cursor.take(b")") if closed else cursor.data[cursor.at :].strip(b" ") == b""):
            cursor.space()
            keys.append(self.key(depth))
        return keys[0] if len(keys) == 1 else And(tuple(keys))

    def key(self, depth: int) -> SearchKey:
        """One search-key."""
        cursor = self.cursor
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise LimitReached("The search has too many terms")
        if depth > MAX_DEPTH:
            raise LimitReached("The search is nested too deeply")
        if cursor.take(b"("):
            return self._keys(depth + 1, closed=True)
        following = cursor.peek()
        if following.isdigit() or following in (b"*", b"$"):
            return InNumbers(cursor.sequence_set())
        word = cursor.word("Search key")
        simple = SIMPLE.get(word)
        if simple is not None:
            return simple
        argument = WITH_ARGUMENT.get(word)
        if argument is not None:
            cursor.space()
            return argument(cursor)
        return self._composite(word, depth)

    def _composite(self, word: bytes, depth: int) -> SearchKey:
        cursor = self.cursor
        if word == b"NOT":
            cursor.space()
            return Not(self.key(depth + 1))
        if word == b"OR":
            cursor.space()
            left = self.key(depth + 1)
            cursor.space()
            return Or(left, self.key(depth + 1))
        if word == b"MODSEQ":
            cursor.space()
            self.uses_modseq = True
            return _modseq(cursor)
        raise Invalid("Unknown search key")


SEEN, DELETED = HasFlag(flags.SEEN), HasFlag(flags.DELETED)
ANSWERED, FLAGGED, DRAFT = HasFlag(flags.ANSWERED), HasFlag(flags.FLAGGED), HasFlag(flags.DRAFT)

SIMPLE: dict[bytes, SearchKey] = {
    b"ALL": Everything(),
    b"ANSWERED": ANSWERED,
    b"DELETED": DELETED,
    b"DRAFT": DRAFT,
    b"FLAGGED": FLAGGED,
    b"SEEN": SEEN,
    b"UNANSWERED": Not(ANSWERED),
    b"UNDELETED": Not(DELETED),
    b"UNDRAFT": Not(DRAFT),
    b"UNFLAGGED": Not(FLAGGED),
    b"UNSEEN": Not(SEEN),
    b"RECENT": IsRecent(),
    b"OLD": Not(IsRecent()),
    b"NEW": And((IsRecent(), Not(SEEN))),
    b"SAVEDATESUPPORTED": SaveDateSupported(),
}


def _text(cursor: Cursor) -> str:
    return decoded(cursor.astring())


def _header(cursor: Cursor) -> SearchKey:
    name = _text(cursor).lower()
    cursor.space()
    return HeaderHas(name, _text(cursor))


def _in_header(name: str) -> Callable[[Cursor], SearchKey]:
    return lambda cursor: HeaderHas(name, _text(cursor))


def _date(moment: Moment, test: DateTest) -> Callable[[Cursor], SearchKey]:
    return lambda cursor: DateIs(moment, test, cursor.date())


def _keyword(cursor: Cursor) -> str:
    return cursor.atom("Keyword").decode("ascii")


def _interval(cursor: Cursor) -> int:
    seconds = cursor.number()
    if not seconds:
        raise Invalid("An interval is at least one second")
    return seconds


def _id(cursor: Cursor) -> str:
    return cursor.atom("Object id").decode("ascii")


def _modseq(cursor: Cursor) -> SearchKey:
    """MODSEQ with or without an entry name (RFC 7162 3.1.5); entries share one MODSEQ here."""
    if cursor.peek() == b'"':
        cursor.string()
        cursor.space()
        if cursor.word("Entry type") not in (b"ALL", b"PRIV", b"SHARED"):
            raise Invalid("Unknown entry type")
        cursor.space()
    return ModSeqFrom(cursor.number64())


WITH_ARGUMENT: dict[bytes, Callable[[Cursor], SearchKey]] = {
    b"BCC": _in_header("bcc"),
    b"CC": _in_header("cc"),
    b"FROM": _in_header("from"),
    b"SUBJECT": _in_header("subject"),
    b"TO": _in_header("to"),
    b"HEADER": _header,
    b"BODY": lambda cursor: BodyHas(_text(cursor)),
    b"TEXT": lambda cursor: TextHas(_text(cursor)),
    b"KEYWORD": lambda cursor: HasKeyword(_keyword(cursor)),
    b"UNKEYWORD": lambda cursor: Not(HasKeyword(_keyword(cursor))),
    b"LARGER": lambda cursor: Larger(cursor.number64()),
    b"SMALLER": lambda cursor: Smaller(cursor.number64()),
    b"UID": lambda cursor: InUids(cursor.sequence_set()),
    b"OLDER": lambda cursor: Older(_interval(cursor)),
    b"YOUNGER": lambda cursor: Younger(_interval(cursor)),
    b"EMAILID": lambda cursor: EmailIdIs(_id(cursor)),
    b"THREADID": lambda cursor: ThreadIdIs(_id(cursor)),
    b"BEFORE": _date(Moment.INTERNAL, DateTest.BEFORE),
    b"ON": _date(Moment.INTERNAL, DateTest.ON),
    b"SINCE": _date(Moment.INTERNAL, DateTest.SINCE),
    b"SENTBEFORE": _date(Moment.SENT, DateTest.BEFORE),
    b"SENTON": _date(Moment.SENT, DateTest.ON),
    b"SENTSINCE": _date(Moment.SENT, DateTest.SINCE),
    b"SAVEDBEFORE": _date(Moment.SAVED, DateTest.BEFORE),
    b"SAVEDON": _date(Moment.SAVED, DateTest.ON),
    b"SAVEDSINCE": _date(Moment.SAVED, DateTest.SINCE),
}
