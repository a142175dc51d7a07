"""Framing and legality: every cut of the input yields the same events, and memory stays bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.pop3 import grammar
from mailhub.pop3.grammar import COMMAND_LINE, SASL_LINE, Command
from mailhub.pop3.machine import LEGAL, MOVES, Event, Machine, Refused, Response, State


def fed(*chunks: bytes, state: State = State.AUTHORIZATION) -> list[Event]:
    machine = Machine()
    machine.state = state
    events: list[Event] = []
    for chunk in chunks:
        machine.receive(chunk)
        while (event := machine.next_event()) is not None:
            events.append(event)
    return events


def test_events_do_not_depend_on_how_the_input_is_cut() -> None:
    data = b"USER a\r\nbogus\r\nLIST\nPASS x y\r\nSTAT\r\nCAPA\r\n" + b"x" * 2000 + b"\r\nQUIT\r\n"
    whole = fed(data)
    assert [type(event) for event in whole] == [
        grammar.User,
        Refused,
        Refused,
        grammar.Pass,
        Refused,
        grammar.Capa,
        Refused,
        grammar.Quit,
    ]
    assert fed(*(data[i : i + 1] for i in range(len(data)))) == whole
    for cut in range(0, len(data), 7):
        assert fed(data[:cut], data[cut:]) == whole


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=12), st.booleans())
def test_any_bytes_are_events_and_memory_is_bounded(chunks: list[bytes], sasl: bool) -> None:
    machine = Machine()
    if sasl:
        machine.expect_response()
    for chunk in chunks:
        machine.receive(chunk)
        while (event := machine.next_event()) is not None:
            assert isinstance(event, Event)
        assert machine.pending < SASL_LINE


@pytest.mark.parametrize("sasl", [False, True])
def test_an_endless_line_is_refused_once_and_never_kept(sasl: bool) -> None:
    machine = Machine()
    if sasl:
        machine.expect_response()
    refusals = 0
    for _ in range(100):
        machine.receive(b"A" * 1000)
        while machine.next_event() is not None:
            refusals += 1
        assert machine.pending < SASL_LINE + 1000
    assert refusals == 1
    machine.receive(b"\r\nQUIT\r\n")
    assert machine.next_event() == grammar.Quit()


@pytest.mark.parametrize(
    ("line", "legal"),
    [
        (b"PASS " + b"x" * (COMMAND_LINE - 7) + b"\r\n", True),
        (b"PASS " + b"x" * 506 + b"\r\n", False),
    ],
)
def test_the_longest_line(line: bytes, legal: bool) -> None:
    assert isinstance(fed(line)[0], grammar.Pass) is legal


@pytest.mark.parametrize(
    "line", [b"QUIT\n", b"QU\rIT\r\n", b"QUIT\r\r\n", b"\rQUIT\r\n", b"NOOP\rQUIT\r\n"]
)
def test_only_crlf_ends_a_line(line: bytes) -> None:
    assert fed(line) == [Refused("Lines end with CRLF")]


def example(kind: type[Command]) -> bytes:
    arguments = {"User": " a", "Pass": " a", "Retr": " 1", "Dele": " 1", "Top": " 1 1"}
    return (kind.__name__.upper() + arguments.get(kind.__name__, "") + "\r\n").encode()


@pytest.mark.parametrize("kind", list(LEGAL))
@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.TRANSACTION])
def test_a_command_passes_only_in_its_states(kind: type[Command], state: State) -> None:
    (event,) = fed(example(kind), state=state)
    assert isinstance(event, kind) is (state in LEGAL[kind])
    assert isinstance(event, Refused) is (state not in LEGAL[kind])


def test_every_command_has_its_states() -> None:
    assert set(LEGAL) == set(Command.__args__)


@pytest.mark.parametrize("old", list(State))
@pytest.mark.parametrize("new", list(State))
def test_states_change_only_along_the_table(old: State, new: State) -> None:
    machine = Machine()
    machine.state = old
    if new in MOVES[old]:
        machine.move(new)
        assert machine.state is new
    else:
        with pytest.raises(AssertionError):
            machine.move(new)


def test_nothing_is_read_after_the_end() -> None:
    assert fed(b"QUIT\r\nQUIT\r\n", state=State.CLOSED) == []


def test_a_sasl_response_is_one_line_and_then_commands_follow() -> None:
    machine = Machine()
    machine.expect_response()
    machine.receive(b"AHQAdA==\r\nAHQAdA==\r\n")
    assert machine.next_event() == Response(b"\0t\0t")
    assert machine.next_event() == Refused("Unknown command")
    machine.expect_response()
    machine.receive(b"*\r\n")
    assert machine.next_event() == Response(None)
    machine.expect_response()
    machine.receive(b"?\r\nQUIT\r\n")
    assert machine.next_event() == Refused("This is not base64")
    assert machine.next_event() == grammar.Quit()
