"""Search programs against an oracle that knows what each message was made of."""

from __future__ import annotations

import base64
import quopri
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.messages import Messages
from mailhub.core.search import Found
from mailhub.core.search_text import Needle, header_surely, header_texts, surely
from mailhub.core.selected import SelectedView, Selections
from mailhub.core.watch import Watch
from mailhub.model.change import Actor
from mailhub.model.flags import ANSWERED, FLAGGED, SEEN, Flags
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
    SaveDateSupported,
    SearchKey,
    Smaller,
    TextHas,
    ThreadIdIs,
    Younger,
)
from mailhub.model.sequence import SAVED, SequenceSet
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from mailhub.wire import text as text_of
from mailhub.wire.mime import scan
from mailhub.wire.rendering import render
from tests.support import run
from tests.world import World, world

ACTOR = Actor()
NOW = 1_800_000_000


@dataclass(frozen=True)
class Spec:
    """A message by what it means; `made` spells it."""

    subject: str = ""
    author: tuple[str, str] = ("", "nobody@example.org")
    to: tuple[str, str] = ("", "joe@example.org")
    text: str = ""
    shape: str = "plain"
    sent: date | None = None
    arrived: int = NOW - 1000
    flags: Flags = field(default_factory=Flags)
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def made(self) -> bytes:
        lines = [f"From: {_address(self.author)}", f"To: {_address(self.to)}"]
        if self.subject:
            lines.append(f"Subject: {_word(self.subject)}")
        if self.sent is not None:
            lines.append(f"Date: {self.sent.strftime('%a, %d %b %Y')} 23:30:00 -0800")
        lines += [f"{name}: {_word(value)}" for name, value in self.extra]
        return "\r\n".join(lines).encode() + b"\r\n" + _SHAPES[self.shape](self.text)

    @property
    def header(self) -> str:
        shown = [f"{_shown(self.author)}", f"{_shown(self.to)}", self.subject]
        return "\n".join([*shown, *(f"{name}: {value}" for name, value in self.extra)])


def _address(address: tuple[str, str]) -> str:
    name, plain = address
    return f"{_word(name)} <{plain}>" if name else plain


def _shown(address: tuple[str, str]) -> str:
    return f"{address[0]} <{address[1]}>" if address[0] else address[1]


def _word(text: str) -> str:
    if text.isascii():
        return text.replace("  ", "\r\n ")
    return "=?utf-8?b?" + base64.b64encode(text.encode()).decode() + "?="


def _plain(text: str) -> bytes:
    return b"\r\n" + text.encode("ascii", "replace") + b"\r\n"


def _base64(text: str) -> bytes:
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
    return head + base64.encodebytes(text.encode()).replace(b"\n", b"\r\n")


def _quoted(text: str) -> bytes:
    head = b"Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset="
    coded = quopri.encodestring(text.encode("iso-8859-1")).replace(b"\n", b"\r\n")
    return head + b"iso-8859-1\r\n\r\n" + coded + b"\r\n"


def _html(text: str) -> bytes:
    marked = "".join(f"<b>{letter}</b>" if letter == "o" else letter for letter in text)
    return (
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><script>secret</script><p>"
        + marked.replace("&", "&amp;").encode()
        + b"</p></html>\r\n"
    )


def _mixed(text: str) -> bytes:
    return (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=apple\r\n\r\n"
        b"preamble-word\r\n--apple\r\n" + _base64(text) + b"\r\n--apple\r\n"
        b"Content-Type: application/octet-stream\r\n\r\nhidden-word\r\n--apple--\r\n"
    )


def _forwarded(text: str) -> bytes:
    return (
        b"Content-Type: multipart/digest; boundary=pear\r\n\r\n--pear\r\n\r\n"
        b"Subject: inner-subject\r\n\r\n" + text.encode() + b"\r\n--pear--\r\n"
    )


def _eight(text: str) -> bytes:
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return head + text.encode() + b"\r\n"


_SHAPES = {
    "plain": _plain,
    "base64": _base64,
    "quoted": _quoted,
    "html": _html,
    "mixed": _mixed,
    "forwarded": _forwarded,
    "eight": _eight,
}

DAY = date(2026, 11, 20)
SPECS = (
    Spec("Annual report", ("Ann Lee", "ann@example.org"), text="Numbers are fine", sent=DAY),
    Spec("Grüße aus Köln", ("Jörg", "joerg@example.net"), text="Schöne Grüße", shape="quoted"),
    Spec(
        "Re: annual  report",
        ("Bob", "bob@example.net"),
        ("Ann Lee", "ann@example.org"),
        "Thanks, it arrived",
        "base64",
        DAY + timedelta(days=1),
        NOW - 90_000,
        Flags(SEEN | ANSWERED),
    ),
    Spec("", text="FINE words", flags=Flags(SEEN, ("Work",)), extra=(("X-Ray", "blue  sky"),)),
    Spec("lunch?", ("Ann", "ann@example.com"), text="pork & beans", shape="html", sent=DAY),
    Spec("Files", text="see attachment", shape="mixed", flags=Flags(FLAGGED)),
    Spec("Fwd", text="inner words: fine", shape="forwarded", arrived=NOW - 200_000),
    Spec("µ-law", text="Straße und ﬁne Kelvin", shape="eight", flags=Flags(SEEN, ("work",))),
    Spec("Ünïcode", text="STRASSE, fine", shape="base64", extra=(("X-Ray", "grüner Himmel"),)),
    Spec("Annual", ("report", "report@example.org"), text="", arrived=NOW - 86_400),
)


@dataclass
class Box:
    """The specs, delivered, and a view of them."""

    made: World
    messages: Messages
    view: SelectedView

    def find(self, key: SearchKey) -> Found:
        return run(self.messages.find(self.view, key))


@lru_cache(maxsize=1)
def box() -> Box:
    made = world()
    store = made.store
    account = made.people["joe@example.org"].number
    inbox = run(store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    for spec in SPECS:
        spool = store.spools.open()
        spool.write(spec.made)
        new = (spool.finish(), render(spec.made), spec.flags, spec.arrived)
        run(store.messages.append(account, inbox.number, [new], ACTOR))
    selections = Selections(store, Watch(store), StoreSettings())
    messages = Messages(store, made.clock)
    view = run(selections.select(inbox, read_only=False, recent=False))
    return Box(made, messages, view)


# -- the oracle


def folded(text: str) -> str:
    """Enough of case folding for the words used here."""
    return text.casefold().replace("ﬁ", "fi")


def expected(key: SearchKey, number: int, spec: Spec) -> bool:
    match key:
        case Everything() | SaveDateSupported():
            return True
        case And(keys):
            return all(expected(part, number, spec) for part in keys)
        case Or(left, right):
            return expected(left, number, spec) or expected(right, number, spec)
        case Not(inner):
            return not expected(inner, number, spec)
        case HasFlag(bit):
            return bool(spec.flags.system & bit)
        case HasKeyword(name):
            return name.lower() in {keyword.lower() for keyword in spec.flags.keywords}
        case IsRecent():
            return False
        case InNumbers(numbers):
            return number in numbers.resolve(len(SPECS))
        case InUids(uids):
            return number in uids.resolve(len(SPECS))
        case Larger(size):
            return len(spec.made) > size
        case Smaller(size):
            return len(spec.made) < size
        case Older(seconds):
            return spec.arrived <= NOW - seconds
        case Younger(seconds):
            return spec.arrived >= NOW - seconds
        case ModSeqFrom(modseq):
            return number + 1 >= modseq
        case DateIs(moment, test, day):
            return _dated(spec, moment, test, day)
        case _:
            return _texts(key, spec)


def _dated(spec: Spec, moment: Moment, test: DateTest, day: date) -> bool:
    when = {
        Moment.INTERNAL: datetime.fromtimestamp(spec.arrived, UTC).date(),
        Moment.SAVED: datetime.fromtimestamp(NOW, UTC).date(),
        Moment.SENT: spec.sent,
    }[moment]
    if when is None:
        return False
    return {DateTest.BEFORE: when < day, DateTest.ON: when == day, DateTest.SINCE: when >= day}[
        test
    ]


def _texts(key: SearchKey, spec: Spec) -> bool:
    body = folded(spec.text)
    if spec.shape == "forwarded":
        body += "\nsubject: inner-subject"
    match key:
        case BodyHas(text):
            return folded(text) in body
        case TextHas(text):
            header = folded(spec.header).replace("  ", " ")
            return folded(text) in body or folded(text) in header
        case HeaderHas(name, text):
            fields = {
                "subject": spec.subject,
                "from": _shown(spec.author),
                "to": _shown(spec.to),
                "cc": "",
                **{name.lower(): value for name, value in spec.extra},
            }
            value = fields.get(name, "").replace("  ", " ")
            return bool(value) and folded(text) in folded(value)
    raise AssertionError(key)


WORDS = (
    "fine",
    "annual report",
    "report",
    "grüße",
    "GRÜSSE",
    "strasse",
    "ann",
    "ann lee <ann@example.org>",
    "example.net",
    "kelvin",
    "inner-subject",
    "hidden-word",
    "preamble-word",
    "secret",
    "pork & beans",
    "blue sky",
    "himmel",
    "zebra",
    "arrived",
)
SETS = st.sampled_from(
    [((1, 3),), ((2, 2), (9, 0)), ((0, 0),), ((99, 120),), ((5, 0),), ((1, 1),)]
).map(SequenceSet)
LEAVES = st.one_of(
    st.sampled_from([Everything(), SaveDateSupported(), IsRecent()]),
    st.builds(HasFlag, st.sampled_from([SEEN, ANSWERED, FLAGGED])),
    st.builds(HasKeyword, st.sampled_from(["work", "WORK", "play"])),
    st.builds(InNumbers, SETS),
    st.builds(InUids, SETS),
    st.builds(Larger, st.sampled_from([0, 100, 180, 250, 9999])),
    st.builds(Smaller, st.sampled_from([0, 100, 180, 250, 9999])),
    st.builds(Older, st.sampled_from([1, 1000, 1001, 86_400, 100_000])),
    st.builds(Younger, st.sampled_from([1, 1000, 86_400, 100_000])),
    st.builds(ModSeqFrom, st.integers(1, 13)),
    st.builds(
        DateIs,
        st.sampled_from(list(Moment)),
        st.sampled_from(list(DateTest)),
        st.sampled_from([DAY, DAY + timedelta(days=1), date(2027, 1, 15), date(2027, 1, 14)]),
    ),
    st.builds(
        HeaderHas,
        st.sampled_from(["subject", "from", "to", "cc", "x-ray", "x-none"]),
        st.sampled_from(["", *WORDS]),
    ),
    st.builds(BodyHas, st.sampled_from(["", *WORDS])),
    st.builds(TextHas, st.sampled_from(["", *WORDS])),
)
PROGRAMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Or, inner, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(PROGRAMS)
def test_every_program_finds_what_the_oracle_finds(program: SearchKey) -> None:
    found = box().find(program)
    wanted = [n for n, spec in enumerate(SPECS, 1) if expected(program, n, spec)]
    assert found.numbers == wanted
    assert found.uids == wanted


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("kind", [BodyHas, TextHas])
def test_every_word_in_every_shape(kind: type, word: str) -> None:
    wanted = [n for n, spec in enumerate(SPECS, 1) if expected(kind(word), n, spec)]
    assert box().find(kind(word)).numbers == wanted


@pytest.mark.parametrize("name", ["subject", "from", "to", "x-ray"])
@pytest.mark.parametrize("word", ["", *WORDS])
def test_every_word_in_every_field(name: str, word: str) -> None:
    key = HeaderHas(name, word)
    wanted = [n for n, spec in enumerate(SPECS, 1) if expected(key, n, spec)]
    assert box().find(key).numbers == wanted


# -- what the oracle does not know


def test_a_saved_result_is_a_set_of_messages() -> None:
    view = box().view
    view.saved = UidSet.of([(2, 3), (50, 60)])
    assert box().find(InNumbers(SAVED)).numbers == [2, 3]
    assert box().find(And((InUids(SAVED), InNumbers(SequenceSet(((3, 9),)))))).numbers == [3]
    view.saved = UidSet()
    assert box().find(InNumbers(SAVED)).numbers == []


def test_ids_of_messages_and_threads() -> None:
    one = box()
    account, mailbox = one.view.box.account, one.view.box.number
    marks = run(one.made.store.messages.marks(account, mailbox, UidSet.of([(2, 2)])))
    _, email, thread, _, _ = marks[0]
    assert one.find(EmailIdIs(email)).numbers == [2]
    assert 2 in one.find(ThreadIdIs(thread)).numbers
    assert one.find(EmailIdIs("nothing")).numbers == []


def test_modseqs_come_with_the_matches() -> None:
    found = box().find(InUids(SequenceSet(((3, 4),))))
    assert list(found.modseqs) == [box().view.box.modseqs[2], box().view.box.modseqs[3]]


def test_a_message_that_went_meanwhile_matches_nothing() -> None:
    made = world()
    for spec in SPECS[:3]:
        made.deliver("joe@example.org", spec.made)
    account = made.people["joe@example.org"].number
    inbox = run(made.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    selections = Selections(made.store, made.watch, StoreSettings())
    view = run(selections.select(inbox, read_only=False, recent=False))
    run(
        made.store.messages.expunge(
            account, inbox.number, UidSet.of([(1, 1)]), ACTOR, only_deleted=False
        )
    )
    messages = Messages(made.store, made.clock)
    assert run(messages.find(view, Everything())).numbers == [2, 3]
    assert run(messages.find(view, TextHas("annual"))).numbers == [3]
    assert run(messages.find(view, InNumbers(SequenceSet(((1, 2),))))).numbers == [2]


def test_progress_is_told_for_what_is_looked_at() -> None:
    told: list[tuple[int, int]] = []

    async def progress(done: int, of: int) -> None:
        told.append((done, of))

    one = box()
    program = And((BodyHas("fine"), HeaderHas("subject", "report")))
    run(one.messages.find(one.view, program, progress))
    assert told == sorted(told)
    assert told[0] == (10, 10), "the subject comes first, for every message"
    assert told[-1][0] == 12, "and the body only of the two that match it"


@pytest.mark.parametrize(
    ("message", "word", "sure"),
    [
        (b"A: b\r\n\r\nSome Text", "some text", True),
        (b"A: b\r\n\r\nSome Text", "other", False),
        (b"A: some\r\n\r\nText", "some", False),
        (b"Content-Type: text/html\r\n\r\n<b>s</b>ome", "some", None),
        (b"Content-Type: text/html\r\n\r\n<b>some</b>", "some", None),
        (b"Content-Type: text/html\r\n\r\n<b>other</b>", "some", False),
        (b"Content-Type: text/html\r\n\r\n<b>other</b> s&#111;me", "some", None),
        (b"Content-Transfer-Encoding: base64\r\n\r\nc29tZQ==", "some", None),
        (b"Content-Transfer-Encoding:\r\n 7bit\r\n\r\nsome", "some", True),
        (b"Content-Type: text/plain; charset=utf-7\r\n\r\n+AHM-ome", "some", None),
        (b"Content-Type: text/plain; charset=us-ascii\r\n\r\nsome", "some", True),
        (b"Content-Type: application/pdf\r\n\r\nsome", "some", None),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nsome", "zebra", False),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nsome", "some", None),
        ("A: b\r\n\r\n\u017fome".encode(), "some", None),
        (b"A: b\r\n\r\nsome", "s\u00f6me", None),
    ],
)
def test_when_raw_bytes_are_enough(message: bytes, word: str, sure: bool | None) -> None:
    length = message.index(b"\r\n\r\n") + 4
    assert surely(message, length, Needle(word)) is sure


TEXTS = st.text("abk \u212a\u00df\u0130\u017f\n", max_size=12)


@given(TEXTS, st.text("abks\u017f\u00df i", min_size=1, max_size=3))
def test_the_short_way_agrees_with_the_long_way(text: str, word: str) -> None:
    message = b"X: y\r\n\r\n" + text.encode()
    needle = Needle(word)
    known = surely(message, 8, needle)
    if known is not None:
        texts = list(text_of.searchable(message, scan(message)))
        assert known == any(needle.within(found) for found in texts)


@given(
    st.lists(st.sampled_from(["a", "b", "<b>", "</b>", "<p>", "&#97;", " ", "<!--a-->"])),
    st.text("ab", min_size=1, max_size=3),
)
def test_the_short_way_agrees_with_the_long_way_in_html(pieces: list[str], word: str) -> None:
    message = b"Content-Type: text/html\r\n\r\n" + "".join(pieces).encode()
    needle = Needle(word)
    known = surely(message, 27, needle)
    if known is not None:
        texts = list(text_of.searchable(message, scan(message)))
        assert known == any(needle.within(found) for found in texts)


@given(st.text("ab \t=?", max_size=12), st.text("ab ", min_size=1, max_size=3))
def test_folded_headers_read_as_one_line(text: str, word: str) -> None:
    value = text.strip().replace("\t", " ")
    folded_value = value.replace(" ", "\r\n ", 1)
    block = b"X-Y: a " + folded_value.encode() + b"\r\n\r\n"
    if word.strip() == word:
        needle = Needle(word)
        # A line break with all the spaces behind it reads as one space.
        unfolded = re.sub(" +", " ", value, count=1)
        truth = word in f"x-y: a {unfolded}".lower()
        assert any(needle.within(found) for found in header_texts(block)) == truth
        assert header_surely(block, needle) in (None, truth)
