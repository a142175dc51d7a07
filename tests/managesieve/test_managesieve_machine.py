"""Framing: every cut of the input yields the same events, and memory stays bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.managesieve import grammar
from mailhub.managesieve.grammar import parse, string
from mailhub.managesieve.machine import (
    DISCARDED,
    LEGAL,
    LINE,
    MOVES,
    SMALL,
    Event,
    Fatal,
    Machine,
    Refused,
    Response,
    State,
)
from mailhub.managesieve.talk import VERBS
from mailhub.model.errors import Invalid, TooLarge, Unsupported

LITERAL = 1000


def fed(*chunks: bytes, state: State = State.AUTHENTICATED) -> list[Event]:
    machine = Machine(LITERAL)
    machine.state = state
    events: list[Event] = []
    for chunk in chunks:
        machine.receive(chunk)
        while (event := machine.next_event()) is not None:
            events.append(event)
    return events


def test_events_do_not_depend_on_how_the_input_is_cut() -> None:
    data = (
        b'NOOP "a"\r\nPUTSCRIPT "x" {12+}\r\nkeep;\r\n{1+}\r\r\nbogus\r\n'
        b"GETSCRIPT {3+}\r\n\r\nx\r\n"
        b'PUTSCRIPT "big" {5000+}\r\n' + b"\r\n" * 2500 + b' {2+}\r\nab\r\nSETACTIVE ""\r\n'
        b"CHECKSCRIPT {2000+}\r\n" + b"x" * 2000 + b"\r\n" + b"y" * 9000 + b"\r\nLOGOUT\r\n"
    )
    whole = fed(data)
    assert [type(event) for event in whole] == [
        grammar.Noop,
        grammar.PutScript,
        Refused,
        grammar.GetScript,
        Refused,
        grammar.SetActive,
        Refused,
        Refused,
        grammar.Logout,
    ]
    assert whole[1] == grammar.PutScript("x", "keep;\r\n{1+}\r")
    shown = [str(event) for event in whole]
    assert [str(one) for one in fed(*(data[i : i + 1] for i in range(len(data))))] == shown
    for cut in range(0, len(data), 101):
        assert [str(one) for one in fed(data[:cut], data[cut:])] == shown


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from(
                [b"\r\n", b"{5+}\r\n", b"{99999+}\r\n", b'PUTSCRIPT "', b'" ', b"NOOP"]
            ),
        ),
        max_size=12,
    ),
    st.sampled_from([State.NOT_AUTHENTICATED, State.AUTHENTICATED]),
    st.booleans(),
)
def test_any_bytes_are_events_and_memory_is_bounded(
    chunks: list[bytes], state: State, sasl: bool
) -> None:
    machine = Machine(LITERAL)
    machine.state = state
    if sasl:
        machine.expect_response()
    for chunk in chunks:
        machine.receive(chunk)
        while (event := machine.next_event()) is not None:
            assert isinstance(event, Event)
        assert machine.pending <= SMALL + LINE + LITERAL


@pytest.mark.parametrize("state", [State.NOT_AUTHENTICATED, State.AUTHENTICATED])
def test_endless_input_is_not_kept_for_ever(state: State) -> None:
    machine = Machine(LITERAL)
    machine.state = state
    told = []
    for _ in range(3 * DISCARDED // 65536):
        machine.receive(b"x" * 65536)
        while (event := machine.next_event()) is not None:
            told.append(event)
        assert machine.pending <= LINE
    assert [type(one) for one in told] == [Fatal]


def test_a_literal_past_what_is_thrown_away_ends_the_session() -> None:
    assert isinstance(fed(b'PUTSCRIPT "x" {999999999+}\r\n')[0], Fatal)


def test_before_a_login_little_is_taken() -> None:
    [event] = fed(b"NOOP {20000+}\r\n" + b"x" * 20_000 + b"\r\n", state=State.NOT_AUTHENTICATED)
    assert isinstance(event, Refused)
    assert isinstance(event.error, TooLarge)


def test_responses_are_strings() -> None:
    for data, found in (
        (b'"YWI="\r\n', Response(b"ab")),
        (b"{4+}\r\nYWI=\r\n", Response(b"ab")),
        (b'""\r\n', Response(b"")),
        (b'"*"\r\n', Response(None)),
    ):
        machine = Machine(LITERAL)
        machine.expect_response()
        machine.receive(data)
        assert machine.next_event() == found
    for data in (b"YWI=\r\n", b'"a" "b"\r\n', b'"?"\r\n', b"5\r\n"):
        machine = Machine(LITERAL)
        machine.expect_response()
        machine.receive(data)
        assert isinstance(machine.next_event(), Refused)


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b'putscript "a\\"\\\\" "b"', grammar.PutScript('a"\\', "b")),
        (b'HAVESPACE "a" 4294967296', grammar.HaveSpace("a", 4294967296)),
        (b"RENAMESCRIPT {1+}\r\na {1+}\r\nb", grammar.RenameScript("a", "b")),
        (b'AUTHENTICATE "plain" ""', grammar.Authenticate("PLAIN", b"")),
        ('SETACTIVE "Grüße"'.encode(), grammar.SetActive("Grüße")),
        (b"LISTSCRIPTS  ", grammar.ListScripts()),
    ],
)
def test_commands(data: bytes, command: grammar.Command) -> None:
    assert parse(data) == command


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" NOOP",
        b"NOOP\t",
        b"NOOPE",
        b'NOOP "a',
        b'NOOP "a"b',
        b'NOOP "\\a"',
        b"SETACTIVE a",
        b'SETACTIVE "\xff"',
        b'SETACTIVE "' + b"x" * 600 + b'"',
        b'HAVESPACE "a" "5"',
        b'HAVESPACE "a" 5x',
        b"HAVESPACE 5 5",
        b'PUTSCRIPT "a"',
        b'PUTSCRIPT "a" {5}\r\nkeep;',
        b"GETSCRIPT {5+}\r\nab",
        b"AUTHENTICATE",
    ],
)
def test_what_is_no_command(data: bytes) -> None:
    with pytest.raises((Invalid, Unsupported)):
        parse(data)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_strings_come_back(text: str) -> None:
    if "\r" in text or "\n" in text or "\0" in text:
        assert string(text).startswith(b"{")
    else:
        assert parse(b"NOOP " + string(text)) == grammar.Noop(text)


def test_every_command_has_its_states_and_its_verb() -> None:
    assert LEGAL.keys() == VERBS.keys() == set(grammar.Command.__args__)
    assert MOVES.keys() == set(State)
