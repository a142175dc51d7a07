"""The sans-io half of a ManageSieve session: where commands end, and which is legal in which state.

Bytes go in, events come out one at a time. Literals are bounded: one that is too large is thrown
away to its end and then refused, so that it never becomes commands. No input or output here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from mailhub.managesieve import grammar
from mailhub.managesieve.grammar import LITERAL, LITERAL_SPAN, Command
from mailhub.model.errors import Invalid, MailhubError, TooLarge, Unsupported

LINE = 4096
"""Octets of a command without its literals, and of all before a login."""
SMALL = 16 * 1024
"""Octets of a command before a login, its literals included."""
DISCARDED = 4 << 20
"""Octets that are thrown away for one command; past it the connection ends."""


class State(Enum):
    """RFC 5804 section 1.5."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    CLOSED = "closed"


MOVES: dict[State, frozenset[State]] = {
    State.NOT_AUTHENTICATED: frozenset({State.AUTHENTICATED, State.CLOSED}),
    State.AUTHENTICATED: frozenset({State.NOT_AUTHENTICATED, State.CLOSED}),
    State.CLOSED: frozenset(),
}
_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED})
_BEFORE = frozenset({State.NOT_AUTHENTICATED})
_AFTER = frozenset({State.AUTHENTICATED})
LEGAL: dict[type[Command], frozenset[State]] = {
    grammar.Capability: _ANY,
    grammar.Noop: _ANY,
    grammar.Logout: _ANY,
    grammar.StartTLS: _BEFORE,
    grammar.Authenticate: _BEFORE,
    grammar.Unauthenticate: _AFTER,
    grammar.HaveSpace: _AFTER,
    grammar.PutScript: _AFTER,
    grammar.CheckScript: _AFTER,
    grammar.ListScripts: _AFTER,
    grammar.SetActive: _AFTER,
    grammar.GetScript: _AFTER,
    grammar.DeleteScript: _AFTER,
    grammar.RenameScript: _AFTER,
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to a SASL challenge, decoded; None when the client calls the exchange off."""

    data: bytes | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that cannot be carried out as it stands, and why."""

    error: MailhubError


@dataclass(frozen=True, slots=True)
class Fatal:
    """Too much to throw away, or to hold: the connection ends."""

    text: str


Event = Command | Response | Refused | Fatal


class _Mode(Enum):
    COMMAND = "a command"
    RESPONSE = "a response"
    DISCARD = "the rest of what was refused"
    DEAD = "nothing that matters"


class Machine:
    """One session's framing. `literal`: octets of the largest one after login. `next_event`
    answers None while nothing is complete."""

    def __init__(self, literal: int) -> None:
        self.state = State.NOT_AUTHENTICATED
        self._literal = literal
        self._buffer = bytearray()
        self._scan = 0
        self._mode = _Mode.COMMAND
        self._left = 0
        self._thrown = 0
        self._held: Refused | None = None

    @property
    def pending(self) -> int:
        """Input octets that are not yet events."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """More input."""
        if self._mode is not _Mode.DEAD:
            self._buffer += data

    def move(self, state: State) -> None:
        """Enters `state`, which must be a neighbor of the present one."""
        if state not in MOVES[self.state]:
            raise AssertionError(f"no way from {self.state} to {state}")
        self.state = state

    def expect_response(self) -> None:
        """What comes next answers a SASL challenge."""
        self._mode = _Mode.RESPONSE

    def next_event(self) -> Event | None:
        """The next event, or None until more input came."""
        while self.state is not State.CLOSED and self._mode is not _Mode.DEAD:
            if self._mode is _Mode.DISCARD:
                return self._skip()
            end = self._buffer.find(b"\r\n", self._scan)
            if end < 0:
                return self._unfinished()
            announced = self._announced(end)
            if announced is None:
                return self._event(end)
            size = int(announced[1])
            limit = self._literal if self.state is State.AUTHENTICATED else SMALL
            if size > limit or end + 2 + size > limit + LINE:
                return self._refuse_literal(end, size, limit)
            if len(self._buffer) < end + 2 + size:
                return None
            self._scan = end + 2 + size
        return None

    # -- parts

    def _announced(self, end: int) -> re.Match[bytes] | None:
        start = max(self._scan, end - LITERAL_SPAN)
        return LITERAL.search(bytes(self._buffer[start:end]))

    def _unfinished(self) -> Event | None:
        if len(self._buffer) - self._scan <= LINE:
            return None
        self._drop(0, Refused(Invalid("The line is too long")))
        return self._skip()

    def _refuse_literal(self, end: int, size: int, limit: int) -> Event | None:
        refused = Refused(TooLarge("The literal is too large", limit))
        del self._buffer[: end + 2]
        self._drop(size, refused)
        return self._skip()

    def _event(self, end: int) -> Event:
        data = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._scan = 0
        mode, self._mode = self._mode, _Mode.COMMAND
        if len(data) > LINE + self._literal:
            return Refused(Invalid("The line is too long"))
        try:
            if mode is _Mode.RESPONSE:
                return Response(grammar.response(data))
            command = grammar.parse(data)
        except (Invalid, Unsupported) as error:
            return Refused(error)
        if self.state in LEGAL[type(command)]:
            return command
        if self.state is State.NOT_AUTHENTICATED:
            return Refused(Invalid("Log in first"))
        return Refused(Invalid("You are logged in already"))

    # -- what is thrown away

    def _drop(self, size: int, refused: Refused) -> None:
        """Throws away `size` octets and the rest of the command, then says `refused`."""
        self._mode = _Mode.DISCARD
        self._scan = 0
        self._left = size
        self._thrown = size
        self._held = refused

    def _skip(self) -> Event | None:
        buffer = self._buffer
        while True:
            if self._thrown > DISCARDED:
                self._mode = _Mode.DEAD
                buffer.clear()
                return Fatal("Too much input")
            skipped = min(self._left, len(buffer))
            del buffer[:skipped]
            self._left -= skipped
            if self._left:
                return None
            end = buffer.find(b"\r\n")
            if end < 0:
                # The end of what is there may be the start of an announcement.
                kept = max(0, len(buffer) - LITERAL_SPAN - 1)
                self._thrown += kept
                del buffer[:kept]
                if self._thrown <= DISCARDED:
                    return None
                continue
            found = LITERAL.search(bytes(buffer[max(0, end - LITERAL_SPAN) : end]))
            del buffer[: end + 2]
            if found is None:
                held = self._held
                assert held is not None
                self._mode, self._held = _Mode.COMMAND, None
                return held
            self._left = int(found[1])
            self._thrown += self._left
