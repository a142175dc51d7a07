"""An index never changes what a search finds: only how long that takes."""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import search, search_arrays, search_documents
from mailhub.core.messages import Messages
from mailhub.core.search_documents import document
from mailhub.core.search_plan import plan
from mailhub.core.search_text import phrase_absent
from mailhub.core.search_words import Wanted, sequence, texts
from mailhub.core.selected import SelectedView, Selections
from mailhub.core.watch import Watch
from mailhub.model.change import Actor
from mailhub.model.flags import Flags
from mailhub.model.indexed import Place, Span
from mailhub.model.search import (
    ANYWHERE,
    And,
    BodyHas,
    Everything,
    HeaderHas,
    Indexed,
    Larger,
    Not,
    Or,
    Says,
    SearchKey,
    TextHas,
    Where,
)
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from mailhub.store.fulltext import questions
from mailhub.wire.mime import scan
from mailhub.wire.rendering import render
from tests.support import run
from tests.world import World, world

ACTOR = Actor(None, "test")
WORDS = (
    *("report", "reports", "reporting", "airport", "ab", "x", "over", "hand-over", "12345"),
    *("Résumé", "resume", "Straße", "STRASSE", "ﬁne", "fine", "İstanbul", "naïve", "Ǆ", "Kelvin"),
    *("会议室", "会议", "议室", "東京都", "カタカナ", "ｶﾞ", "안녕하세요", "สวัสดีครับ", "हिन्दी"),
    *(
        "ann@example.org",
        "<tag>",
        "a\u0301b",
        "e\u0301",
        "foo_bar",
        "don't",
        *("\U00020000\U00020001", 'say"cheese"*', "a(b)c:d"),
    ),
)


def _word(text: str, charset: str) -> bytes:
    coded = base64.b64encode(text.encode(charset, "replace")).decode()
    return f"=?{charset}?b?{coded}?=".encode()


@dataclass(frozen=True)
class Mail:
    """A message's words, and how they are spelled."""

    subject: str
    author: str
    words: str
    shape: str
    charset: str

    @property
    def made(self) -> bytes:
        body = self.words.encode(self.charset, "replace")
        head = (
            b"From: " + _word(self.author, self.charset) + b" <ann@example.org>\r\n"
            b"To:joe@example.org\r\nSubject: " + _word(self.subject, self.charset) + b"\r\n"
            b"X-Raw:pressed together\r\n"
        )
        kind = b"text/html" if self.shape == "html" else b"text/plain"
        about = b"Content-Type: " + kind + b"; charset=" + self.charset.encode() + b"\r\n"
        match self.shape:
            case "base64":
                about += b"Content-Transfer-Encoding: base64\r\n"
                body = base64.encodebytes(body)
            case "quoted":
                about += b"Content-Transfer-Encoding: quoted-printable\r\n"
                body = quopri.encodestring(body)
            case "mixed":
                body = (
                    b"--x\r\n" + about + b"\r\n" + body + b"\r\n--x\r\n"
                    b'Content-Type: application/pdf; name="'
                    + _word(self.subject, self.charset)
                    + b'"\r\n\r\nhidden\r\n--x--\r\n'
                )
                about = b"Content-Type: multipart/mixed; boundary=x\r\n"
            case _:
                about += b"Content-Transfer-Encoding: 8bit\r\n"
        return head + about + b"\r\n" + body + b"\r\n"


def some(least: int, most: int) -> st.SearchStrategy[str]:
    return st.lists(
        st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "\r\n", "", ", ", "\u3000"])),
        min_size=least,
        max_size=most,
    ).map(lambda pairs: "".join(word + gap for word, gap in pairs))


MAILS = st.builds(
    Mail,
    some(0, 2),
    some(0, 2),
    some(0, 6),
    st.sampled_from(["plain", "base64", "quoted", "html", "mixed"]),
    st.sampled_from(["utf-8", "iso-8859-1", "utf-16", "gb18030", "utf-7", "iso-2022-jp"]),
)
PARTS = st.sampled_from(WORDS).flatmap(
    lambda word: st.tuples(st.integers(0, 3), st.integers(1, 8)).map(
        lambda span: word[span[0] : span[0] + span[1]]
    )
)
NEEDLES = st.one_of(PARTS, some(1, 2), st.text(' abé会"*(', max_size=4))
LEAVES = st.one_of(
    st.builds(TextHas, NEEDLES),
    st.builds(BodyHas, NEEDLES),
    st.builds(HeaderHas, st.sampled_from(["subject", "from", "to", "x-raw"]), NEEDLES),
    st.builds(
        Says,
        st.sampled_from([ANYWHERE, (Where.SUBJECT,), (Where.BODY,), (Where.FROM, Where.TO)]),
        NEEDLES,
        st.booleans(),
    ),
    st.builds(Larger, st.integers(0, 600)),
)
KEYS: st.SearchStrategy[SearchKey] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Or, inner, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)


@dataclass
class Box:
    """A mailbox, and what finds messages in it."""

    made: World
    messages: Messages
    view: SelectedView

    @classmethod
    def of(cls, mails: list[bytes]) -> Box:
        made = world()
        store = made.store
        account = made.people["joe@example.org"].number
        inbox = run(store.mailboxes.get(account, "INBOX"))
        assert inbox is not None
        for mail in mails:
            spool = store.spools.open()
            spool.write(mail)
            new = (spool.finish(), render(mail), Flags(), 1_800_000_000)
            run(store.messages.append(account, inbox.number, [new], ACTOR))
        view = run(
            Selections(store, Watch(store), StoreSettings()).select(
                inbox, read_only=False, recent=False
            )
        )
        return cls(made, Messages(store, made.clock), view)

    def find(self, key: SearchKey) -> list[int]:
        return list(run(self.messages.find(self.view, key)).uids)

    def page(self, key: SearchKey, span: Span | None = None) -> tuple[list[int], list[int]]:
        """UIDs that surely match, and those that may."""
        box = self.view.box
        found = run(
            self.made.store.search_index.page(
                box.account, [box.number], plan(key), span or Span(1000)
            )
        )
        assert span is not None or found.total == len(found.places)
        return [place.uid for place in found.places], [place.uid for place in found.maybe]

    def index(self) -> None:
        run(self.made.store.search_index.follow(document))


@pytest.fixture(autouse=True)
def _always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(MAILS, min_size=1, max_size=5), st.lists(KEYS, min_size=4, max_size=8))
def test_an_index_finds_what_looking_at_every_message_finds(
    mails: list[Mail], keys: list[SearchKey]
) -> None:
    box = Box.of([mail.made for mail in mails])
    scanned = [box.find(key) for key in keys]
    box.index()
    _same(box, keys, scanned)
    box.made.store.database.execute("UPDATE found.state SET position = position - 2")
    _same(box, keys, scanned)
    with pytest.MonkeyPatch.context() as far:
        far.setattr(questions, "FAR", 1)
        _same(box, keys, scanned)


def _same(box: Box, keys: list[SearchKey], scanned: list[list[int]]) -> None:
    for key, there in zip(keys, scanned, strict=True):
        assert box.find(key) == there
        surely, maybe = box.page(key)
        assert set(surely) <= set(there) <= set(surely) | set(maybe)
        assert sorted(surely, reverse=True) == surely, "the newest first"


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), st.booleans())
@settings(max_examples=50, deadline=None)
def test_words_alone_are_settled_by_the_index(text: str, phrase: bool) -> None:
    key = Says(ANYWHERE, text, phrase)
    planned = plan(key)
    assert isinstance(planned, Indexed)
    if not phrase or len(sequence(text)) == 1:
        assert planned.surely == planned.possibly
        assert planned.phrase is None
    else:
        assert planned.surely is None
        assert planned.phrase is not None


def test_what_stands_side_by_side_is_kept_apart_by_where_it_stands() -> None:
    made = document(SAMPLE, SAMPLE.index(b"\r\n\r\n") + 4)
    assert made.complete
    assert made.text == " please read the annual report 会议 议室 soon "
    assert made.fields.split("\n") == [
        " s:the s:resume s:of s:invoices ",
        " f:jorg f:munoz f:joerg f:example f:net ",
        " t:joe t:example t:org ",
        " c:ann c:ann c:example c:org ",
        " a:budget a:2026 a:pdf ",
    ]


def test_a_message_of_too_many_words_is_looked_at_for_phrases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_documents, "TEXT", 400)
    mail = b"Subject: s\r\n\r\n" + "会议室".encode() * 80 + b"\r\n"
    made = document(mail, 14)
    assert (made.text, made.complete) == ("", False)


SAMPLE = (
    b"From: =?utf-8?q?J=C3=B6rg_Mu=C3=B1oz?= <joerg@example.net>\r\nTo: joe@example.org\r\n"
    b"Cc: Ann <ann@example.org>\r\nSubject: The r\xc3\xa9sum\xc3\xa9 of Invoices\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain;"
    b" charset=utf-8\r\n\r\nPlease read the annual\r\nreport, \xe4\xbc\x9a\xe8\xae\xae\xe5\xae\xa4"
    b" soon.\r\n--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment;"
    b' filename="budget 2026.pdf"\r\n\r\nxx\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("where", "text", "phrase", "found"),
    [
        (ANYWHERE, "invoice", False, True),
        (ANYWHERE, "invoice", True, False),
        (ANYWHERE, "RESUME", False, True),
        (ANYWHERE, "Jorg munoz", False, True),
        (ANYWHERE, "voices", False, False),
        (ANYWHERE, "annual report", True, True),
        (ANYWHERE, "report annual", True, False),
        (ANYWHERE, "report annual", False, True),
        (ANYWHERE, "会议", False, True),
        (ANYWHERE, "议室", True, True),
        (ANYWHERE, "议会", False, False),
        (ANYWHERE, "budget", False, True),
        (ANYWHERE, "budget.pdf", False, True),
        ((Where.BODY,), "budget", False, False),
        ((Where.FROM,), "joerg@example.net", True, True),
        ((Where.TO, Where.CC), "ann", False, True),
        ((Where.TO,), "ann", False, False),
        (ANYWHERE, "an", False, False),
        (ANYWHERE, "...", False, True),
    ],
)
def test_what_words_match(where: tuple[Where, ...], text: str, phrase: bool, found: bool) -> None:
    wanted = Wanted(Says(where, text, phrase))
    assert wanted.within(texts(SAMPLE, scan(SAMPLE))) is found


def test_the_parts_of_a_word_are_found_in_few_messages() -> None:
    mails = [b"Subject: %d\r\n\r\nnothing of note %d\r\n" % (at, at) for at in range(60)]
    box = Box.of([*mails, SAMPLE])
    box.index()
    looked = run(
        box.made.store.search_index.look(
            box.view.box.account,
            box.view.box.number,
            plan(TextHas("nnual")),  # type: ignore[arg-type]
        )
    )
    assert looked is not None
    assert (list(looked.surely), list(looked.maybe)) == ([], [61])


def test_new_mail_is_found_before_it_is_indexed() -> None:
    box = Box.of([SAMPLE])
    box.index()
    box.made.deliver("joe@example.org", SAMPLE)
    box.view.sync()
    assert box.find(TextHas("annual")) == [1, 2]
    assert box.page(Says(ANYWHERE, "annual")) == ([1], [2])
    box.index()
    assert box.page(Says(ANYWHERE, "annual")) == ([2, 1], [])


def test_moves_copies_and_removals_need_nothing_of_the_index() -> None:
    box = Box.of([SAMPLE, SAMPLE, SAMPLE])
    box.index()
    store, inbox = box.made.store, box.view.box
    other = run(store.mailboxes.get(inbox.account, "Trash"))
    assert other is not None
    store_messages = store.messages
    run(store_messages.copy(inbox.account, inbox.number, UidSet(((1, 1),)), other.number, ACTOR))
    run(store_messages.move(inbox.account, inbox.number, UidSet(((2, 2),)), other.number, ACTOR))
    run(
        store_messages.expunge(
            inbox.account, inbox.number, UidSet(((3, 3),)), ACTOR, only_deleted=False
        )
    )
    key = plan(Says(ANYWHERE, "annual"))
    page = run(store.search_index.page(inbox.account, [inbox.number, other.number], key, Span(9)))
    first = page.places[-1].content
    assert [(place.mailbox, place.uid) for place in page.places] == [
        (other.number, 2),
        (other.number, 1),
        (inbox.number, 1),
    ]
    assert page.places[1].content == first
    assert run(store.search_index.status()).removed == 1


def test_pages_go_on_where_the_last_one_ended() -> None:
    box = Box.of([SAMPLE] * 5)
    box.index()
    inbox = box.view.box
    key = plan(And((Everything(), Says(ANYWHERE, "annual"))))
    after: Place | None = None
    seen: list[int] = []
    for _ in range(3):
        page = run(
            box.made.store.search_index.page(
                inbox.account, [inbox.number], key, Span(2, ascending=True, after=after)
            )
        )
        assert page.total == 5
        seen += [place.uid for place in page.places]
        after = page.places[-1]
    assert seen == [1, 2, 3, 4, 5]


def test_accounts_see_nothing_of_each_other() -> None:
    box = Box.of([SAMPLE])
    ann = box.made.account("ann@example.org")
    box.made.deliver("ann@example.org", SAMPLE)
    box.index()
    mine = run(box.made.store.mailboxes.get(ann.number, "INBOX"))
    assert mine is not None
    key = plan(Says(ANYWHERE, "annual"))
    index = box.made.store.search_index
    assert run(index.page(ann.number, [mine.number], key, Span(9))).total == 1
    assert run(index.page(ann.number, [box.view.box.number], key, Span(9))).total == 0


def test_what_is_too_long_is_looked_at_each_time() -> None:
    long = b"Subject: long\r\n\r\n" + b"".join(b"w%07d\r\n" % at for at in range(60_000))
    box = Box.of([long])
    box.index()
    assert box.page(Says(ANYWHERE, "w0059999")) == ([], [1])
    assert box.find(Says(ANYWHERE, "w0059999")) == [1]
    assert box.find(BodyHas("0059999")) == [1]


def test_many_matches_are_marked_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box.of([SAMPLE] * 7 + [b"Subject: other\r\n\r\nother\r\n"] * 3)
    box.index()
    key = Not(TextHas("annual"))
    few = box.find(key)
    monkeypatch.setattr(search_arrays, "FEW", 0)
    monkeypatch.setattr(search_arrays, "SLICE", 3)
    assert box.find(key) == few == [8, 9, 10]
    assert box.find(TextHas("annual")) == [1, 2, 3, 4, 5, 6, 7]


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(st.characters(codec=None), max_size=60).map(
            lambda text: (
                b"Content-Type: text/plain; charset=utf-7\r\nSubject: "
                + text.encode("utf-7", "ignore")
                + b"\r\n\r\n"
                + text.encode("utf-7", "ignore")
            )
        ),
        st.text(max_size=60).map(
            lambda text: b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()
        ),
    )
)
@settings(max_examples=50, deadline=None)
def test_any_bytes_make_a_document(data: bytes) -> None:
    made = document(data, data.find(b"\r\n\r\n") + 4)
    for text in (made.words, made.pieces):
        assert "\0" not in text
        assert text.encode() == text.encode("utf-8", "replace")


ORDINARY = st.lists(
    st.sampled_from(["annual", "report", "x", "ann", "Lee", "\r\n", " ", ", ", "-", "_", "9"]),
    max_size=12,
).map("".join)


@given(
    ORDINARY,
    ORDINARY,
    st.sampled_from(["ann@example.org (Lee)", "Lee <ann@example.org>", '"L\\ee \\x" <a@x>']),
    st.sampled_from(["annual report", "ann lee", "x-9", "annual", "lee", "re", "annua", "9"]),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_raw_bytes_never_hide_words(
    subject: str, body: str, author: str, words: str, phrase: bool
) -> None:
    folded = subject.replace("\r\n", "\r\n ")
    head = f"From: {author}\r\nSubject: {folded}\r\n\r\n".encode()
    wanted = Wanted(Says(ANYWHERE, words, phrase))
    data = head + body.encode()
    if phrase_absent(data, len(head), wanted.telling):
        assert not wanted.within(texts(data, scan(data)))


def test_raw_bytes_spare_a_look() -> None:
    head = b"Subject: The report\r\n\r\n"
    phrase = ["annual", "report"]
    assert phrase_absent(head + b"annual or report", len(head), phrase)
    assert not phrase_absent(head + b"the annual\r\n> report", len(head), phrase)
    encoded = b"Content-Transfer-Encoding: base64\r\n" + head
    assert not phrase_absent(encoded + b"eA==", len(encoded), phrase)
