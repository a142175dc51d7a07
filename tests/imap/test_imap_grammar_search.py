"""SEARCH, SORT and THREAD with every key of the RFCs, well and badly spelled."""

from __future__ import annotations

from datetime import date

import pytest

from mailhub.imap.grammar import search
from mailhub.imap.grammar.values import (
    Search,
    Sort,
    Thread,
)
from mailhub.model.errors import Invalid, LimitReached
from mailhub.model.flags import ANSWERED, DELETED, FLAGGED, SEEN
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
from mailhub.model.sequence import SAVED, SequenceSet
from tests.imap.parsing import ONE, parsed

DAY = date(1994, 2, 1)
SEARCH_KEYS: list[tuple[bytes, SearchKey]] = [
    (b"ALL", Everything()),
    (b"ANSWERED", HasFlag(ANSWERED)),
    (b"BCC x", HeaderHas("bcc", "x")),
    (b"BEFORE 1-Feb-1994", DateIs(Moment.INTERNAL, DateTest.BEFORE, DAY)),
    (b'BODY "a b"', BodyHas("a b")),
    (b"CC x", HeaderHas("cc", "x")),
    (b"DELETED", HasFlag(DELETED)),
    (b"EMAILID M1-_x", EmailIdIs("M1-_x")),
    (b"FLAGGED", HasFlag(FLAGGED)),
    (b"FROM {4}\r\nSm\xc3\xb6", HeaderHas("from", "Smö")),
    (b"HEADER X-Spam yes", HeaderHas("x-spam", "yes")),
    (b'HEADER Message-ID ""', HeaderHas("message-id", "")),
    (b"KEYWORD $Forwarded", HasKeyword("$Forwarded")),
    (b"LARGER 10", Larger(10)),
    (b"MODSEQ 620162338", ModSeqFrom(620162338)),
    (b'MODSEQ "/flags/\\\\draft" all 620162338', ModSeqFrom(620162338)),
    (b"NEW", And((IsRecent(), Not(HasFlag(SEEN))))),
    (b"NOT SEEN", Not(HasFlag(SEEN))),
    (b"OLD", Not(IsRecent())),
    (b"OLDER 60", Older(60)),
    (b'ON "1-feb-1994"', DateIs(Moment.INTERNAL, DateTest.ON, DAY)),
    (b"OR SEEN FLAGGED", Or(HasFlag(SEEN), HasFlag(FLAGGED))),
    (b"RECENT", IsRecent()),
    (b"SAVEDBEFORE 1-Feb-1994", DateIs(Moment.SAVED, DateTest.BEFORE, DAY)),
    (b"SAVEDATESUPPORTED", SaveDateSupported()),
    (b"SENTON 01-Feb-1994", DateIs(Moment.SENT, DateTest.ON, DAY)),
    (b"SENTSINCE 1-Feb-1994", DateIs(Moment.SENT, DateTest.SINCE, DAY)),
    (b"SMALLER 4294967296", Smaller(4294967296)),
    (b"SUBJECT x", HeaderHas("subject", "x")),
    (b"TEXT x", TextHas("x")),
    (b"THREADID T1", ThreadIdIs("T1")),
    (b"TO x", HeaderHas("to", "x")),
    (b"UID 1:*", InUids(SequenceSet(((1, 0),)))),
    (b"UID $", InUids(SAVED)),
    (b"UNKEYWORD a", Not(HasKeyword("a"))),
    (b"UNSEEN", Not(HasFlag(SEEN))),
    (b"YOUNGER 60", Younger(60)),
    (b"1,3", InNumbers(SequenceSet(((1, 1), (3, 3))))),
    (b"*", InNumbers(SequenceSet(((0, 0),)))),
    (b"$", InNumbers(SAVED)),
    (b"(SEEN)", HasFlag(SEEN)),
    (b"(SEEN (FLAGGED) 1)", And((HasFlag(SEEN), HasFlag(FLAGGED), InNumbers(ONE)))),
]


@pytest.mark.parametrize(("text", "key"), SEARCH_KEYS)
def test_a_search_key_is_read_alone_and_among_others(text: bytes, key: SearchKey) -> None:
    uses = text.startswith(b"MODSEQ")
    assert parsed(search.search, b" " + text) == Search(False, key, None, uses)
    among = And((Everything(), key, Not(key), HasFlag(SEEN)))
    assert parsed(search.uid_search, b" ALL %b NOT %b SEEN" % (text, text)) == Search(
        True, among, None, uses
    )


@pytest.mark.parametrize(
    ("text", "returns"),
    [
        (b"RETURN () ALL", Returns(all=True)),
        (b"RETURN (MIN) ALL", Returns(minimum=True)),
        (b"return (max count) all", Returns(maximum=True, count=True)),
        (b"RETURN (ALL SAVE) ALL", Returns(all=True, save=True)),
        (b"RETURN (SAVE) CHARSET UTF-8 ALL", Returns(save=True)),
        (b"RETURN (PARTIAL 500:1) ALL", Returns(partial=(1, 500))),
        (b"RETURN (PARTIAL -1:-5 COUNT) ALL", Returns(count=True, partial=(-1, -5))),
        (b"CHARSET us-ascii ALL", None),
        (b'CHARSET "UTF-8" ALL', None),
    ],
)
def test_search_options_are_read(text: bytes, returns: Returns | None) -> None:
    assert parsed(search.search, b" " + text) == Search(False, Everything(), returns)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b" BOGUS",
        b" NOT",
        b" OR SEEN",
        b" (SEEN",
        b" SEEN)",
        b" ()",
        b" FROM",
        b" FROM \xff",
        b' FROM "\xff"',
        b" FROM {1}\r\n\xff",
        b" FROM {1}\r\n\x00",
        b" BEFORE 31-Feb-1994",
        b" BEFORE 1-Foo-1994",
        b" BEFORE 1-Feb-94",
        b" LARGER x",
        b" LARGER -1",
        b" OLDER 0",
        b" KEYWORD \\Seen",
        b" MODSEQ",
        b' MODSEQ "/flags/x" bogus 1',
        b" RETURN (BOGUS) ALL",
        b" RETURN (MIN ALL",
        b" RETURN (ALL PARTIAL 1:5) ALL",
        b" RETURN (PARTIAL 1:5 PARTIAL 1:5) ALL",
        b" RETURN ALL",
        b" FUZZY SUBJECT x",
        b" UID",
        b" UID 0",
    ],
)
def test_bad_searches_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(search.search, text)


def test_another_charset_is_refused_as_such() -> None:
    with pytest.raises(search.BadCharset):
        parsed(search.search, b" CHARSET ISO-8859-1 ALL")


@pytest.mark.parametrize(
    "text",
    [
        b"(" * 40 + b"ALL" + b")" * 40,
        b"NOT " * 40 + b"ALL",
        b"OR ALL " * 40 + b"ALL",
        b"(" * 30_000,
        b" ".join([b"ALL"] * 501),
    ],
)
def test_search_bombs_are_refused(text: bytes) -> None:
    with pytest.raises(LimitReached):
        parsed(search.search, b" " + text)


def test_sort_and_thread_are_read() -> None:
    order = (SortKey(SortField.DATE, reverse=True), SortKey(SortField.DISPLAYFROM))
    assert parsed(search.sort, b" (REVERSE DATE DISPLAYFROM) UTF-8 ALL") == Sort(
        False, order, Everything()
    )
    assert parsed(search.uid_sort, b" RETURN (COUNT PARTIAL 1:2) (SIZE) US-ASCII SEEN") == Sort(
        True, (SortKey(SortField.SIZE),), HasFlag(SEEN), Returns(count=True, partial=(1, 2))
    )
    for algorithm in ThreadAlgorithm:
        text = b" %b UTF-8 ALL" % algorithm.value.encode()
        assert parsed(search.thread, text) == Thread(False, algorithm, Everything())
    assert parsed(search.uid_thread, b" references utf-8 ALL").uid


@pytest.mark.parametrize(
    "text", [b" () UTF-8 ALL", b" (REVERSE) UTF-8 ALL", b" (BOGUS) UTF-8 ALL", b" (DATE) UTF-8"]
)
def test_bad_sorts_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(search.sort, text)
