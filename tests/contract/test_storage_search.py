"""What every index has to know and to say; and that two of them say the same of any mail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailhub.core.search_plan import indexed
from mailhub.model.indexed import Place, Span
from mailhub.model.search import (
    ANYWHERE,
    And,
    BodyHas,
    Everything,
    Not,
    Or,
    Says,
    SearchKey,
    TextHas,
    Where,
)
from mailhub.model.uids import UidSet
from mailhub.store.fulltext import questions
from mailhub.store.postgres import search
from tests.contract.postgres import Postgres
from tests.contract.searched import MESSAGE, Searched, in_database, in_folder, in_memory
from tests.contract.stores import ACTOR
from tests.core.test_search_index import KEYS, MAILS, Mail

pytestmark = pytest.mark.thorough

OTHER = b"Subject: other\r\n\r\nnothing\r\n"


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.live)])
def searched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Searched]:
    """An empty store and its index."""
    if request.param != "postgres":
        made = {"memory": in_memory, "sqlite": in_folder}[request.param](tmp_path)
        yield made.open()
        made.house.stop()
        return
    shared: Postgres = request.getfixturevalue("shared_postgres")
    made = in_database(shared, tmp_path)
    yield made.open()
    made.house.stop()
    assert shared.faults() == []


def test_without_an_index_every_message_may_match(searched: Searched) -> None:
    searched.deliver(MESSAGE, MESSAGE)
    assert searched.found() == ([], [1, 2])
    index = searched.house.store.search_index  # type: ignore[attr-defined]
    key = indexed(TextHas("annual"))
    assert searched.house.ask(index.look(searched.account, searched.inbox, key)) is None
    status = searched.status()
    assert (status.state, status.documents, status.waiting) == ("off", 0, 2)


def test_the_index_knows_what_came_before_it_looked(searched: Searched) -> None:
    searched.deliver(MESSAGE, OTHER)
    searched.follow()
    assert searched.found() == ([1], [])
    searched.deliver(MESSAGE, OTHER)
    assert searched.found() == ([1], [3, 4])
    assert searched.status().waiting == 2
    searched.follow()
    assert searched.found() == ([1, 3], [])
    assert (searched.status().documents, searched.status().waiting) == (4, 0)


def test_one_key_is_answered_in_one_mailbox(searched: Searched) -> None:
    searched.deliver(MESSAGE, OTHER, b"Subject: hidden\r\n\r\nxannualx\r\n")
    searched.follow()
    index = searched.house.store.search_index  # type: ignore[attr-defined]
    key = indexed(BodyHas("annual"))
    assert key is not None
    looked = searched.house.ask(index.look(searched.account, searched.inbox, key))
    assert (sorted(looked.surely), sorted(looked.maybe)) == ([1], [3])


def test_moves_copies_and_removals_need_nothing(searched: Searched) -> None:
    searched.deliver(MESSAGE, MESSAGE, MESSAGE, MESSAGE)
    searched.follow()
    store, ask = searched.house.store, searched.house.ask
    account, inbox = searched.account, searched.inbox
    other = next(box for box in ask(store.mailboxes.all(account)) if box.name == "Other").number
    ask(store.messages.copy(account, inbox, UidSet(((1, 1),)), other, ACTOR))
    ask(store.messages.move(account, inbox, UidSet(((2, 2),)), other, ACTOR))
    searched.expunge(3)
    assert searched.found() == ([1, 4], [])
    index = store.search_index  # type: ignore[attr-defined]
    page = ask(index.page(account, [inbox, other], indexed(Says(ANYWHERE, "annual")), Span(9)))
    there = {(place.mailbox, place.uid) for place in page.places}
    assert there == {(inbox, 1), (inbox, 4), (other, 1), (other, 2)}


def test_accounts_see_nothing_of_each_other(searched: Searched) -> None:
    searched.deliver(MESSAGE)
    first, box = searched.account, searched.inbox
    searched.open()
    searched.deliver(OTHER, MESSAGE)
    searched.follow()
    assert searched.found() == ([2], [])
    searched.inbox = box
    assert searched.found() == ([], [])
    searched.account = first
    assert searched.found() == ([1], [])


def test_pages_go_on_where_the_last_one_ended(searched: Searched) -> None:
    searched.deliver(*[MESSAGE] * 5)
    searched.follow()
    after: Place | None = None
    seen: list[int] = []
    for _ in range(3):
        key = And((Everything(), Says(ANYWHERE, "annual")))
        page = searched.page(key, Span(2, ascending=True, after=after))
        assert page.total == 5
        seen += [place.uid for place in page.places]
        after = page.places[-1]
    assert seen == [1, 2, 3, 4, 5]


LETTER = (
    b"From: Ann Annual <report@example.org>\r\nSubject: the budget\r\n\r\n"
    b"Please read the annual,\r\nREPORT of =?utf-8?q?this?= r\xc3\xa9sum\xc3\xa9 year\r\n"
)
APART = b"Subject: annual\r\n\r\nreport this, annual and last; report\r\n"


@pytest.mark.parametrize(
    ("where", "phrase", "found"),
    [
        (ANYWHERE, "annual report", [1]),
        (ANYWHERE, "REPORT, annual", []),
        (ANYWHERE, "read the annual report of", [1]),
        (ANYWHERE, "ann report", []),
        (ANYWHERE, "annual rep", []),
        (ANYWHERE, "resume year", [1]),
        (ANYWHERE, "Résumé yeär", [1]),
        (ANYWHERE, "report example org", [1]),
        (ANYWHERE, "the budget please", []),
        ((Where.SUBJECT,), "the budget", [1]),
        ((Where.SUBJECT,), "annual report", []),
        ((Where.BODY,), "the budget", []),
        ((Where.BODY, Where.FROM), "ann annual", [1]),
        ((Where.TO, Where.CC), "ann annual", []),
    ],
)
def test_a_phrase_is_the_index_s_to_answer(
    searched: Searched, where: tuple[Where, ...], phrase: str, found: list[int]
) -> None:
    """However many messages have its words, none of them is looked at."""
    searched.deliver(LETTER, APART, OTHER)
    searched.follow()
    key = Says(where, phrase, phrase=True)
    assert searched.found(key) == (found, [])
    others = [uid for uid in (1, 2, 3) if uid not in found]
    assert searched.found(Not(key)) == (others, [])
    assert searched.found(Or(key, Says(ANYWHERE, "nothing"))) == (sorted({*found, 3}), [])
    searched.deliver(LETTER)
    assert searched.found(key) == (found, [4])


def test_marks_of_any_query_language_are_letters(searched: Searched) -> None:
    r"""A needle can end no string and begin no operator: `'`, `"`, `\`, `|`, `&`, `!`, `:*`."""
    odd = r"""a'b"c\d|e&f!g:*(h)<->i%s%%"""
    searched.deliver(b"Subject: s\r\n\r\n" + odd.encode() + b"\r\n", OTHER)
    searched.follow()
    for needle in (odd, r"\d|e", "'b\"c", ":*(h", "g:*", "<->", "%s%%"):
        surely, maybe = searched.found(TextHas(needle))
        assert [*surely, *maybe] == [1], needle


def test_what_has_no_room_is_looked_at_each_time(searched: Searched) -> None:
    searched.deliver(
        b"Subject: long\r\n\r\n" + b"".join(b"w%07d\r\n" % at for at in range(60_000)), OTHER
    )
    searched.follow()
    assert searched.found(Says(ANYWHERE, "w0059999")) == ([], [1])
    assert searched.found(Says(ANYWHERE, "w0000001")) == ([1], [])


def test_a_new_one_is_made_beside_the_old(searched: Searched) -> None:
    searched.deliver(MESSAGE, MESSAGE, OTHER)
    searched.follow()
    searched.expunge(1)
    searched.rebuild()
    surely, maybe = searched.found()
    assert sorted({*surely, *maybe} & {2}) == [2], "whether asked or looked at"
    searched.follow()
    assert searched.found() == ([2], [])
    status = searched.status()
    assert (status.documents, status.removed, status.waiting) == (2, 0, 0)


# -- two engines, the same answers


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, shared_postgres: Postgres
) -> Iterator[tuple[Searched, Searched]]:
    """One in memory, one on PostgreSQL, to which the same is done."""
    folder = tmp_path_factory.mktemp("both")
    pair = in_memory(folder), in_database(shared_postgres, folder)
    yield pair
    for one in pair:
        one.house.stop()


@pytest.mark.live
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(MAILS, min_size=1, max_size=5),
    st.lists(MAILS, max_size=2),
    st.lists(KEYS, min_size=4, max_size=8),
)
def test_every_index_says_the_same(
    both: tuple[Searched, Searched], mails: list[Mail], late: list[Mail], keys: list[SearchKey]
) -> None:
    """Of what it knows, and with mail that it does not know yet; also where hits are many."""
    for one in both:
        one.open()
        one.deliver(*[mail.made for mail in mails])
        one.follow()
    _answers(both, keys)
    if late:
        for one in both:
            one.deliver(*[mail.made for mail in late])
        _answers(both, keys)
        with pytest.MonkeyPatch.context() as many:
            many.setattr(search, "FEW", 1)
            _answers(both, keys)
            many.setattr(search, "FEW", 0)
            _answers(both, keys)
        with pytest.MonkeyPatch.context() as far:
            far.setattr(questions, "FAR", 1)
            _answers(both, keys)
            _answers(both, [Or(key, Not(other)) for key, other in pairwise(keys)])


def _answers(both: tuple[Searched, Searched], keys: list[SearchKey]) -> None:
    for key in keys:
        one, other = (each.found(key) for each in both)
        assert one == other, key
