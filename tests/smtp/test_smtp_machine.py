"""Framing of command lines and the order of verbs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.smtp.content import ChunkContent, DotContent, Newlines
from mailhub.smtp.faults import Fault
from mailhub.smtp.machine import (
    ILLEGAL,
    RESPONSE_LIMIT,
    TRANSITIONS,
    Command,
    End,
    Event,
    Machine,
    Refused,
    Response,
    State,
)
from mailhub.smtp.talk import RUN

LIMIT = 100


def heard(*pieces: bytes, state: State = State.START) -> list[Event]:
    machine = Machine(LIMIT)
    machine.state = state
    found: list[Event] = []
    for piece in pieces:
        machine.receive(piece)
        while (event := machine.next_event()) is not None:
            found.append(event)
    return found


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"NOOP", Command("NOOP", "")),
        (b"noop", Command("NOOP", "")),
        (b"NOOP  ", Command("NOOP", "")),
        (b"NOOP a b ", Command("NOOP", "a b")),
        (b"NOOP  a", Command("NOOP", " a")),
        ("VRFY jöe".encode(), Command("VRFY", "jöe")),
        (b"", Refused(Fault.UNKNOWN_COMMAND)),
        (b" NOOP", Refused(Fault.UNKNOWN_COMMAND)),
        (b"NOOPS", Refused(Fault.UNKNOWN_COMMAND)),
        (b"GET / HTTP/1.1", Refused(Fault.UNKNOWN_COMMAND)),
        (b"MAIL:", Refused(Fault.UNKNOWN_COMMAND)),
        (b"TURN", Refused(Fault.NOT_IMPLEMENTED)),
        (b"SAML FROM:<a@b>", Refused(Fault.NOT_IMPLEMENTED)),
        (b"NOOP\x00", Refused(Fault.CONTROL_CHARACTER)),
        (b"NO\x00OP", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP\tx", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP \x1b[2J", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP \x7f", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP \xc2\x85", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP\nRSET", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP\rRSET", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP\r", Refused(Fault.CONTROL_CHARACTER)),
        (b"\nNOOP", Refused(Fault.CONTROL_CHARACTER)),
        (b"NOOP \xff", Refused(Fault.NOT_UTF8)),
        (b"NOOP \xed\xa0\x80", Refused(Fault.NOT_UTF8)),
        (b"x" * LIMIT, Refused(Fault.UNKNOWN_COMMAND)),
        (b"x" * (LIMIT + 1), Refused(Fault.LINE_TOO_LONG)),
        (b"x" * 9999, Refused(Fault.LINE_TOO_LONG)),
        (b"BDAT 5\x00", Refused(Fault.BAD_CHUNK_SIZE, "BDAT")),
        (b"bdat 5\nhello", Refused(Fault.BAD_CHUNK_SIZE, "BDAT")),
        (b"BDAT 5" + b" " * LIMIT, Refused(Fault.BAD_CHUNK_SIZE, "BDAT")),
    ],
)
def test_a_line_is_one_event_whatever_its_cuts(line: bytes, event: Event) -> None:
    sent = line + b"\r\nNOOP\r\n"
    assert heard(sent) == [event, Command("NOOP", "")]
    assert heard(*(sent[i : i + 1] for i in range(len(sent)))) == [event, Command("NOOP", "")]
    for at in range(0, len(sent), 37):
        assert heard(sent[:at], sent[at:]) == [event, Command("NOOP", "")]


def test_a_peer_that_ends_lines_with_lf_alone_hears_of_it_at_once() -> None:
    assert heard(b"EHLO me\n") == [Refused(Fault.CONTROL_CHARACTER)]
    assert heard(b"EHLO me\n", b"NOOP\n", b"NOOP\r\n", b"RSET\r\n") == [
        Refused(Fault.CONTROL_CHARACTER),
        Command("RSET", ""),
    ]


def test_an_overlong_line_is_never_kept() -> None:
    machine = Machine(LIMIT)
    for _ in range(1000):
        machine.receive(b"x" * 1000)
        machine.next_event()
        assert machine.pending <= LIMIT + 2
    assert machine.in_line
    machine.receive(b"\r\n")
    assert machine.next_event() is None
    assert not machine.in_line


def test_an_authentication_line_may_be_long_but_not_endless() -> None:
    assert heard(b"x" * RESPONSE_LIMIT + b"\r\n", state=State.AUTH) == [
        Response(b"x" * RESPONSE_LIMIT)
    ]
    sent = b"x" * (RESPONSE_LIMIT + 1)
    assert heard(sent + b"\r\n", state=State.AUTH) == [Refused(Fault.RESPONSE_TOO_LONG)]


ORDER = {
    State.START: {**dict.fromkeys(("MAIL", "RCPT", "DATA", "AUTH", "STARTTLS"), Fault.HELLO_FIRST)},
    State.READY: {"RCPT": Fault.MAIL_FIRST, "DATA": Fault.MAIL_FIRST},
    State.MAIL: {
        **dict.fromkeys(("MAIL", "AUTH", "STARTTLS", "XCLIENT"), Fault.TRANSACTION_OPEN),
        "DATA": Fault.NO_RECIPIENTS,
    },
    State.RCPT: dict.fromkeys(("MAIL", "AUTH", "STARTTLS", "XCLIENT"), Fault.TRANSACTION_OPEN),
    State.CHUNKS: {
        **dict.fromkeys(("MAIL", "AUTH", "STARTTLS", "XCLIENT"), Fault.TRANSACTION_OPEN),
        **dict.fromkeys(("RCPT", "DATA"), Fault.SEQUENCE),
    },
}


@pytest.mark.parametrize("state", list(ORDER))
@pytest.mark.parametrize("verb", list(ILLEGAL))
def test_each_verb_in_each_state(verb: str, state: State) -> None:
    fault = ORDER[state].get(verb)
    expected = Command(verb, "x") if fault is None else Refused(fault, verb)
    assert heard(f"{verb} x\r\n".encode(), state=state) == [expected]


def test_every_verb_of_the_table_has_its_command() -> None:
    assert set(RUN) == set(ILLEGAL)


@pytest.mark.parametrize("start", list(State))
@pytest.mark.parametrize("end", list(State))
def test_only_moves_of_the_table_are_made(start: State, end: State) -> None:
    machine = Machine(LIMIT)
    machine.state = start
    if end in TRANSITIONS[start]:
        machine.enter(end)
        assert machine.state is end
    else:
        with pytest.raises(AssertionError):
            machine.enter(end)


def test_a_move_into_content_needs_recipients() -> None:
    with pytest.raises(AssertionError):
        Machine(LIMIT).start_data(DotContent(10, Newlines.REFUSE))


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"\r\n", b"\r", b"\n", b".\r\n", b"DATA\r\n", b"BDAT 7\r\n", b"AUTH PLAIN\r\n"]
            ),
        ),
        max_size=40,
    )
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_bytes_give_events_and_keep_memory_bounded(pieces: list[bytes]) -> None:
    machine = Machine(LIMIT)
    machine.state = State.RCPT
    for piece in pieces:
        machine.receive(piece)
        while (event := machine.next_event()) is not None:
            if type(event) is Command and event.verb == "DATA":
                machine.start_data(DotContent(50, Newlines.REFUSE))
            elif type(event) is Command and event.verb == "BDAT":
                machine.start_chunk(ChunkContent(50, Newlines.REFUSE), 7, last=True)
            elif type(event) is End:
                machine.state = State.RCPT
            elif type(event) is Command and event.verb == "AUTH":
                machine.state = State.AUTH
            elif type(event) is Response:
                machine.state = State.RCPT
        assert machine.pending <= RESPONSE_LIMIT + 2
