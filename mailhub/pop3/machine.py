"""The sans-io half of a POP3 session: framing, and which command is legal in which state.

Bytes go in, events come out one at a time, so a bad line never eats the next one and a session
that changes to TLS starts with a new machine and nothing left over. No input or output here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import Invalid, Unsupported
from mailhub.pop3 import grammar
from mailhub.pop3.grammar import COMMAND_LINE, SASL_LINE, Command


class State(Enum):
    """RFC 1939 section 3; CLOSED is after the last answer, PASSED is another server's business."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"
    PASSED = "passed"
    CLOSED = "closed"


MOVES: dict[State, frozenset[State]] = {
    State.AUTHORIZATION: frozenset({State.TRANSACTION, State.PASSED, State.CLOSED}),
    State.TRANSACTION: frozenset({State.UPDATE, State.CLOSED}),
    State.UPDATE: frozenset({State.CLOSED}),
    State.PASSED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}

_OVER = frozenset({State.PASSED, State.CLOSED})
_BEFORE = frozenset({State.AUTHORIZATION})
_AFTER = frozenset({State.TRANSACTION})
LEGAL: dict[type[Command], frozenset[State]] = {
    grammar.Capa: _BEFORE | _AFTER,
    grammar.Lang: _BEFORE | _AFTER,
    grammar.Quit: _BEFORE | _AFTER,
    grammar.User: _BEFORE,
    grammar.Pass: _BEFORE,
    grammar.Auth: _BEFORE,
    grammar.Stls: _BEFORE,
    grammar.Utf8: _BEFORE,
    grammar.Stat: _AFTER,
    grammar.List: _AFTER,
    grammar.Uidl: _AFTER,
    grammar.Retr: _AFTER,
    grammar.Top: _AFTER,
    grammar.Dele: _AFTER,
    grammar.Rset: _AFTER,
    grammar.Noop: _AFTER,
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to a SASL challenge, decoded; None when the client cancels."""

    data: bytes | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no command, or not one that may come now. `text` says why."""

    text: str


Event = Command | Response | Refused


class _Framing(Enum):
    """What the next line is."""

    COMMAND = "command"
    RESPONSE = "response"
    OVERLONG = "overlong"
    """The rest of a line that was refused already."""


class Machine:
    """One session's framing. `next_event` answers None while no line is complete."""

    def __init__(self) -> None:
        self.state = State.AUTHORIZATION
        self._buffer = bytearray()
        self._searched = 0
        self._framing = _Framing.COMMAND

    @property
    def pending(self) -> int:
        """Input bytes that are not yet events."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """More input."""
        self._buffer += data

    def move(self, state: State) -> None:
        """Enters `state`, which must be a neighbour of the present one."""
        if state not in MOVES[self.state]:
            raise AssertionError(f"no way from {self.state} to {state}")
        self.state = state

    def rest(self) -> bytes:
        """What came in and is part of no event; it is forgotten here."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def expect_response(self) -> None:
        """The next line answers a SASL challenge."""
        self._framing = _Framing.RESPONSE

    def next_event(self) -> Event | None:
        """The next event, or None until more input came."""
        buffer = self._buffer
        while self.state not in _OVER:
            end = buffer.find(b"\n", self._searched)
            limit = SASL_LINE if self._framing is _Framing.RESPONSE else COMMAND_LINE
            if end < 0:
                self._searched = len(buffer)
                return self._overlong() if len(buffer) >= limit else None
            line = bytes(buffer[: end + 1])
            del buffer[: end + 1]
            self._searched = 0
            framing, self._framing = self._framing, _Framing.COMMAND
            if framing is not _Framing.OVERLONG:
                return self._event(line, framing, limit)
        return None

    def _overlong(self) -> Event | None:
        """Drops what is there of an overlong line; it is refused once."""
        first = self._framing is not _Framing.OVERLONG
        self._framing = _Framing.OVERLONG
        self._buffer.clear()
        self._searched = 0
        return Refused("The line is too long") if first else None

    def _event(self, line: bytes, framing: _Framing, limit: int) -> Event:
        if len(line) > limit:
            return Refused("The line is too long")
        if not line.endswith(b"\r\n") or line.find(b"\r") != len(line) - 2:
            return Refused("Lines end with CRLF")
        try:
            if framing is _Framing.RESPONSE:
                return Response(grammar.response(line[:-2]))
            command = grammar.parse(line[:-2])
        except (Invalid, Unsupported) as error:
            return Refused(error.text)
        if self.state in LEGAL[type(command)]:
            return command
        if self.state is State.AUTHORIZATION:
            return Refused("Log in first")
        return Refused("You are logged in already")
