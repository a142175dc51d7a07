"""Framing: where commands, literals and messages end, whatever the cuts and the limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.imap.events import (
    Announced,
    Arrived,
    Chunk,
    Complete,
    Event,
    Fatal,
    Line,
    Proceed,
    Refused,
    Request,
)
from mailhub.imap.framing import UNAUTHENTICATED_INPUT, UnknownCommand, WrongState
from mailhub.imap.grammar.uploads import AppendHead, Upload
from mailhub.imap.grammar.values import BARE, Login, Select
from mailhub.imap.machine import Machine
from mailhub.imap.state import State
from mailhub.imap.table import VERBS
from mailhub.model.errors import Invalid, TooLarge
from mailhub.model.flags import Flags

LINE = 1000
MESSAGE = 5000


class Driver:
    """A machine whose announced messages are taken up to `MESSAGE` octets; notes what it says in
    a short form that does not depend on how octets were cut."""

    def __init__(self, state: State = State.SELECTED) -> None:
        self.machine = Machine(VERBS, line=LINE, message=MESSAGE)
        self.machine.state = state
        self.said: list[Any] = []
        self.most_pending = 0

    def feed(self, data: bytes, piece: int = 0) -> Driver:
        for start in range(0, len(data), piece or len(data) or 1):
            self.machine.receive(data[start : start + (piece or len(data))])
            while (event := self.machine.next_event()) is not None:
                self.note(event)
            self.most_pending = max(self.most_pending, self.machine.pending)
        return self

    def note(self, event: Event) -> None:
        match event:
            case Request(tag, verb, value):
                self.said.append((tag, verb.name, value))
            case Refused(tag, error):
                self.said.append((tag, type(error)))
            case Announced(tag, verb, head, upload, waits):
                self.said.append((tag, verb.name, head, upload, waits))
                if upload.size <= MESSAGE:
                    self.machine.accept()
                else:
                    refused = self.machine.refuse(TooLarge())
                    if refused is not None:
                        self.note(refused)
            case Chunk(data):
                if self.said and isinstance(self.said[-1], bytearray):
                    self.said[-1] += data
                else:
                    self.said.append(bytearray(data))
            case Complete(tag, verb, head):
                self.said.append((tag, verb.name, head, "complete"))
            case Line(data):
                self.said.append(data)
            case Proceed() | Arrived() | Fatal():
                self.said.append(type(event))


NOOP = (b"n", b"NOOP", BARE)
APPEND = (b"a", b"APPEND", AppendHead("x"))


def upload(size: int, **changes: Any) -> Upload:
    return Upload(**({"flags": Flags(), "date": None, "size": size} | changes))


DIALOGUES: list[tuple[bytes, list[Any]]] = [
    (b"n NOOP\r\n", [NOOP]),
    (b"n noop  \r\n", [NOOP]),
    (b"n NOOP\r\nn NOOP\r\n", [NOOP, NOOP]),
    (b"\r\nn NOOP\r\n", [(b"*", Invalid), NOOP]),
    (b"n\r\n", [(b"*", Invalid)]),
    (b" NOOP\r\n", [(b"*", Invalid)]),
    (b"n  NOOP\r\n", [(b"n", UnknownCommand)]),
    (b"n NOOP x\r\n", [(b"n", Invalid)]),
    (b"n BOGUS x y {3}\r\n", [(b"n", UnknownCommand)]),
    (b"n UID BOGUS 1\r\n", [(b"n", UnknownCommand)]),
    (b"n UID\r\n", [(b"n", UnknownCommand)]),
    (b"+ NOOP\r\n", [(b"*", Invalid)]),
    (b"n%d NOOP\r\n" % (10**300), [(b"*", Invalid)]),
    (b"n NOOP\nn NOOP\r\nn NOOP\r\n", [(b"n", UnknownCommand), NOOP]),
    (b"n NOOP\rn NOOP\r\n", [(b"n", UnknownCommand)]),
    (b"n NO\x00OP\r\n", [(b"n", UnknownCommand)]),
    (b"n LOGIN a b\r\n", [(b"n", WrongState)]),
    # literals
    (b"s SELECT {5}\r\nINBOX\r\n", [Proceed, (b"s", b"SELECT", Select("INBOX"))]),
    (b"s SELECT {5+}\r\nINBOX\r\n", [(b"s", b"SELECT", Select("INBOX"))]),
    (b"s SELECT {2+}\r\n\r\n\r\nn NOOP\r\n", [(b"s", b"SELECT", Select("\r\n")), NOOP]),
    (
        b"r RENAME {1+}\r\na {1}\r\nb\r\nn NOOP\r\n",
        [Proceed, (b"r", b"RENAME", VERBS[b"RENAME"].parse), NOOP],
    ),
    (b"s SELECT {5+}\r\nINBOX x\r\nn NOOP\r\n", [(b"s", Invalid), NOOP]),
    (b"b BOGUS {5+}\r\nabcde x\r\nn NOOP\r\n", [(b"b", UnknownCommand), NOOP]),
    (b"b BOGUS {5+}\r\nabcde {2+}\r\n\r\n x\r\nn NOOP\r\n", [(b"b", UnknownCommand), NOOP]),
    (b"b BOGUS {5+}\r\nabcde {2}\r\nn NOOP\r\n", [(b"b", UnknownCommand), NOOP]),
    (b"s SELECT {1001}\r\nn NOOP\r\n", [(b"s", TooLarge), NOOP]),
    (b"s SELECT {1001+}\r\n" + b"n NOOP\r\n" * 125 + b"x\r\nn NOOP\r\n", [(b"s", TooLarge), NOOP]),
    (b"s SELECT " + b"x" * 1000 + b"\r\nn NOOP\r\n", [(b"s", TooLarge), NOOP]),
    (b"s SELECT {99999999999999999999+}\r\nx", [Fatal]),
    (b"s SELECT {0}\r\n\r\n", [Proceed, (b"s", b"SELECT", Select(""))]),
    # messages
    (
        b"a APPEND x {5}\r\nhello\r\nn NOOP\r\n",
        [(*APPEND, upload(5), True), bytearray(b"hello"), Arrived, (*APPEND, "complete"), NOOP],
    ),
    (
        b"a APPEND {1+}\r\nx (\\Seen) {2+}\r\n\r\n\r\n",
        [
            (*APPEND, upload(2, flags=Flags(1)), False),
            bytearray(b"\r\n"),
            Arrived,
            (*APPEND, "complete"),
        ],
    ),
    (
        b"a APPEND x {1+}\r\na {1+}\r\nb ~{1+}\r\n\x00\r\n",
        [
            (*APPEND, upload(1), False),
            bytearray(b"a"),
            Arrived,
            (*APPEND, upload(1), False),
            bytearray(b"b"),
            Arrived,
            (*APPEND, upload(1, binary=True), False),
            bytearray(b"\x00"),
            Arrived,
            (*APPEND, "complete"),
        ],
    ),
    (
        b"a APPEND x UTF8 (~{1+}\r\na)\r\n",
        [
            (*APPEND, upload(1, binary=True, utf8=True), False),
            bytearray(b"a"),
            Arrived,
            (*APPEND, "complete"),
        ],
    ),
    (
        b"a APPEND x {1+}\r\na bogus\r\nn NOOP\r\n",
        [(*APPEND, upload(1), False), bytearray(b"a"), Arrived, (b"a", Invalid), NOOP],
    ),
    (
        b"a APPEND x {1+}\r\na bogus {3+}\r\nabc\r\nn NOOP\r\n",
        [(*APPEND, upload(1), False), bytearray(b"a"), Arrived, (b"a", Invalid), NOOP],
    ),
    (
        b"a APPEND x {5001}\r\nn NOOP\r\n",
        [(*APPEND, upload(5001), True), (b"a", TooLarge), NOOP],
    ),
    (
        b"a APPEND x {5001+}\r\n" + b"n NOOP\r\n" * 625 + b"x {4+}\r\n\r\n\r\n\r\nn NOOP\r\n",
        [(*APPEND, upload(5001), False), (b"a", TooLarge), NOOP],
    ),
    (b"a APPEND x\r\nn NOOP\r\n", [(b"a", Invalid), NOOP]),
    (b"a APPEND x (\\Seen)\r\nn NOOP\r\n", [(b"a", Invalid), NOOP]),
    (b"a APPEND x (bad] {5+}\r\nhello\r\nn NOOP\r\n", [(b"a", Invalid), NOOP]),
    (b"a APPEND x (bad] {5}\r\nn NOOP\r\n", [(b"a", Invalid), NOOP]),
    (b"a APPEND {1001}\r\nn NOOP\r\n", [(b"a", TooLarge), NOOP]),
]


@pytest.mark.parametrize(("text", "expected"), DIALOGUES)
def test_every_dialogue_reads_the_same_however_it_is_cut(text: bytes, expected: list[Any]) -> None:
    whole = Driver().feed(text).said
    assert len(whole) == len(expected)
    for said, wanted in zip(whole, expected, strict=True):
        if not (isinstance(wanted, tuple) and callable(wanted[-1]) and len(wanted) == 3):
            assert said == wanted
    for piece in (1, 2, 3, 7, 100):
        assert Driver().feed(text, piece).said == whole
    for cut in range(1, min(len(text), 120)):
        assert Driver().feed(text[:cut]).feed(text[cut:]).said == whole


def test_exchange_lines_are_no_commands() -> None:
    driver = Driver(State.NOT_AUTHENTICATED)
    driver.machine.converse(True)
    driver.feed(b"n NOOP\r\n*\r\n", 1)
    driver.machine.converse(False)
    assert driver.feed(b"n NOOP\r\n").said == [b"n NOOP", b"*", NOOP]


@pytest.mark.parametrize(
    "text",
    [
        b"x" * (UNAUTHENTICATED_INPUT + 1),
        b"n NOOP\r\n" * 1000,
        b"l LOGIN {5000+}\r\n",
        b"l LOGIN {3000+}\r\n" + b"x" * 3000 + b" {3000+}\r\n",
        b"l BOGUS {3000+}\r\n" + b"x" * 3000 + b" {3000+}\r\n",
        b"\r\n" * 5000,
        b"l LOGIN " + b"x" * 900 + b"\r\n" + b"y" * 5000,
    ],
)
def test_a_stranger_may_say_little(text: bytes) -> None:
    """Attack: memory and work for clients that never log in (Cyrus CVE-2024-34055)."""
    for piece in (0, 1, 100):
        driver = Driver(State.NOT_AUTHENTICATED).feed(text, piece)
        assert driver.said[-1] is Fatal
        assert driver.machine.pending == 0
    assert driver.feed(b"n NOOP\r\n").said[-1] is Fatal


def test_a_strangers_literal_that_is_too_large_is_not_waited_for() -> None:
    driver = Driver(State.NOT_AUTHENTICATED).feed(b"l LOGIN {5000}\r\nl LOGIN a b\r\n")
    assert driver.said == [(b"l", TooLarge), (b"l", b"LOGIN", Login("a", "b"))]


def test_the_allowance_is_counted_anew_after_starttls() -> None:
    driver = Driver(State.NOT_AUTHENTICATED).feed(b"n NOOP\r\n" * 500)
    driver.machine.restart()
    assert driver.feed(b"n NOOP\r\n" * 500).said == [NOOP] * 1000


def test_nothing_behind_a_command_is_read_before_it_was_answered() -> None:
    machine = Machine(VERBS, line=LINE, message=MESSAGE)
    machine.receive(b"l LOGIN a b\r\ns SELECT x\r\n")
    first = machine.next_event()
    assert isinstance(first, Request)
    assert first.verb.name == b"LOGIN"
    assert machine.pending == len(b"s SELECT x\r\n")
    machine.state = State.AUTHENTICATED
    second = machine.next_event()
    assert isinstance(second, Request)
    assert second.value == Select("x")


def test_utf8_applies_to_what_follows_the_enable() -> None:
    machine = Machine(VERBS, line=LINE, message=MESSAGE)
    machine.state = State.AUTHENTICATED
    machine.receive(b"s SELECT &AOQ-\r\ns SELECT &AOQ-\r\n")
    first = machine.next_event()
    machine.utf8 = True
    second = machine.next_event()
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.value, second.value) == (Select("ä"), Select("&AOQ-"))


def test_what_is_thrown_away_has_an_end() -> None:
    endless = b"x" * 100_000
    driver = Driver().feed(b"s SELECT " + endless, 1000)
    assert driver.said == [Fatal]
    assert driver.most_pending <= LINE + 1000


@pytest.mark.parametrize("name", sorted(VERBS))
@pytest.mark.parametrize("state", [State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED])
def test_every_verb_is_refused_in_every_other_state(name: bytes, state: State) -> None:
    """In a wrong state even good arguments are not looked at, and literals not waited for."""
    if state in VERBS[name].states:
        return
    for rest in (b"", b" INBOX", b" INBOX {10}", b" 1 x {10+}\r\n0123456789"):
        said = Driver(state).feed(b"w %b%b\r\n%b" % (name, rest, b"x BOGUS\r\n")).said
        assert said == [(b"w", WrongState), (b"x", UnknownCommand)]


TOKENS = st.sampled_from(
    (
        b'a |\r\n| |{3}\r\n|{3+}\r\n|~{2+}\r\n|{0}\r\n|{9999+}\r\n|APPEND |x|(\\Seen) |(|)|"|\\|'
        b"FETCH |UID |1:* |SEARCH |NOT |OR |LIST |LOGIN |REPLACE |1 |UTF8 (|\0|\n|\r|{|}|+}|BODY[|*"
    ).split(b"|")
)
STREAMS = st.lists(st.one_of(TOKENS, st.binary(max_size=8)), max_size=60).map(b"".join)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(STREAMS, st.integers(1, 40), st.sampled_from([State.NOT_AUTHENTICATED, State.SELECTED]))
def test_any_octets_in_any_cuts_make_the_same_events(data: bytes, piece: int, state: State) -> None:
    whole, cut = Driver(state).feed(data), Driver(state).feed(data, piece)
    assert whole.said == cut.said
    assert cut.most_pending <= LINE + piece
