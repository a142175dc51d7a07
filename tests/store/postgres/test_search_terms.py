"""What stands in the index in a database, and what it is asked."""

from __future__ import annotations

import pytest

from mailhub.model.indexed import Document
from mailhub.model.message import BlobRef
from mailhub.model.search import Term, TermKind, Terms
from mailhub.store.fulltext.building import Waiting
from mailhub.store.fulltext.spelling import prefix
from mailhub.store.postgres import search_building
from mailhub.store.postgres.search import expression


def row(document: Document | None) -> tuple[object, ...]:
    """(incomplete, words, pieces, fields, text) as they are put."""
    waiting = Waiting(9, 31, BlobRef(1, 0, 1), 0, b"")
    account, build, content, *rest = search_building._row(2, waiting, document)
    assert (account, build, content) == (31, 2, 9)
    return tuple(rest)


@pytest.mark.parametrize("accounts", [(1, 0x10), (0x1F, 0x1F1), (2, 0x20)])
def test_no_account_begins_as_another_one_does(accounts: tuple[int, int]) -> None:
    one, other = map(prefix, accounts)
    assert not one.startswith(other)
    assert not other.startswith(one)


def test_every_term_begins_with_the_account() -> None:
    made = row(Document("f:ann s:hi word", "hi! word", True, " s:hi s:you ", " a word "))
    terms = ("1f.f:ann 1f.s:hi 1f.word", "1f.hi! 1f.ord 1f.wor")
    assert made == (0, *terms, " s:hi s:you ", " a word ")


def test_nothing_is_said_of_what_cannot_be_read() -> None:
    assert row(None) == (1, "", "", "", "")
    assert row(Document("", "", False)) == (1, "", "", "", "")


def test_what_has_no_room_is_left_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_building, "ROOM", 16)
    assert row(Document("äb cd efg", "abc", True)) == (1, "1f.äb 1f.cd", "1f.abc", "", "")
    assert row(Document("ab cd", "abcde", True)) == (1, "1f.ab 1f.cd", "1f.abc 1f.bcd", "", "")


@pytest.mark.parametrize(
    ("clauses", "asked"),
    [
        (((Term("a", False),),), "('1f.a')"),
        (((Term("a", True), Term("b:c", False)),), "('1f.a':* | '1f.b:c')"),
        (((Term("a'b", False),), (Term("c\\", True),)), "('1f.a''b') & ('1f.c\\\\':*)"),
        (((Term("' | '", False),),), "('1f.'' | ''')"),
    ],
)
def test_terms_are_strings(clauses: tuple[tuple[Term, ...], ...], asked: str) -> None:
    assert expression(31, Terms(TermKind.WORD, clauses)) == asked
