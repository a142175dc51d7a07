"""The sans-io half of an SMTP client's session: framing of replies, and where the session stands.

Bytes go in at `receive`, replies come out of `next_reply` one at a time. What is in the buffer
when TLS begins is an attack or a defect, and `upgrade` says so; afterwards nothing that was
learned before is left. No clock, no transport, no decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from mailhub.smtp.sender.grammar import (
    LINE_LIMIT,
    NO_CAPABILITIES,
    REPLY_LIMIT,
    Broken,
    Capabilities,
    Reply,
    read_line,
)


class State(Enum):
    """Where a session stands."""

    GREETING = auto()
    """Connected, or inside a fresh TLS layer with implicit TLS; the server speaks first."""
    HELLO = auto()
    """Greeted, or inside TLS by STARTTLS: EHLO comes next."""
    READY = auto()
    """A transaction may begin."""
    MAIL = auto()
    """MAIL was sent: the server may hold an open transaction."""
    CONTENT = auto()
    """The message is on its way."""
    CLOSED = auto()

    # Enum's own is written in Python, and states change four times a message.
    __hash__ = object.__hash__


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.GREETING: frozenset({State.HELLO, State.CLOSED}),
    State.HELLO: frozenset({State.HELLO, State.READY, State.CLOSED}),
    State.READY: frozenset({State.HELLO, State.MAIL, State.CLOSED}),
    State.MAIL: frozenset({State.READY, State.CONTENT, State.CLOSED}),
    State.CONTENT: frozenset({State.READY, State.CLOSED}),
    State.CLOSED: frozenset({State.CLOSED}),
}


class Machine:
    """One session. `capabilities`: of the last EHLO; `pending`: octets not yet part of a reply."""

    __slots__ = ("_buffer", "_code", "_lines", "_position", "_size", "capabilities", "state")

    def __init__(self) -> None:
        self.state = State.GREETING
        self.capabilities: Capabilities = NO_CAPABILITIES
        self._buffer = b""
        self._position = 0
        self._lines: list[str] = []
        self._code = 0
        self._size = 0

    def receive(self, data: bytes) -> None:
        """Takes bytes from the wire."""
        if self._position < len(self._buffer):
            data = self._buffer[self._position :] + data
        self._buffer = data
        self._position = 0

    @property
    def pending(self) -> int:
        """Octets received that no complete reply was made of."""
        return len(self._buffer) - self._position + self._size

    def enter(self, state: State) -> None:
        """Moves on. Raises AssertionError for a move that is not in TRANSITIONS: a defect."""
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"no way from {self.state.name} to {state.name}")
        self.state = state

    def upgrade(self) -> None:
        """TLS begins. Raises Broken where something follows the reply to STARTTLS: it would be
        read as said inside TLS (RFC 3207 section 6)."""
        if self.pending:
            raise Broken("something was sent in the clear behind the answer to STARTTLS")
        self.capabilities = NO_CAPABILITIES

    def next_reply(self) -> Reply | None:
        """The next whole reply, or None. Raises Broken.

        A bare LF ends a line, too: RFC 5321 4.1.1.4 forbids it to senders of mail and asks no
        client to refuse it in a reply, and appliances send it.
        """
        while True:
            end = self._buffer.find(b"\n", self._position)
            if end < 0:
                if len(self._buffer) - self._position > LINE_LIMIT:
                    raise Broken("a reply line without an end")
                return None
            line = self._buffer[self._position : end]
            self._size += end + 1 - self._position
            self._position = end + 1
            reply = self._take(line[:-1] if line.endswith(b"\r") else line)
            if reply is not None:
                return reply

    def _take(self, line: bytes) -> Reply | None:
        if len(line) > LINE_LIMIT or self._size > REPLY_LIMIT:
            raise Broken("a reply that is too long")
        code, text, last = read_line(line)
        if self._lines and code != self._code:
            raise Broken(f"a reply that begins with {self._code} and goes on with {code}")
        if not last:
            self._code = code
            self._lines.append(text)
            return None
        lines = (*self._lines, text)
        self._lines.clear()
        self._size = 0
        return Reply(code, lines)
