"""The sans-io half of an SMTP or LMTP session: framing, the state, and which verb is legal in it.

Bytes go in at `receive`; `next_event` gives one event at a time, and the next one only depends on
the state that the answer to it left behind. So pipelined commands run strictly in order, and what
came in before STARTTLS is seen by whoever answers it (`pending`) and by no parser. Arguments are
text for `commands`; nothing here knows what a verb does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from mailhub.smtp.content import ChunkContent, DotContent
from mailhub.smtp.faults import Fault

RESPONSE_LIMIT = 12288
"""Bytes of one line of an authentication exchange (RFC 4954 section 4)."""


class State(Enum):
    """Where a session stands; MAIL to CHUNKS are inside a mail transaction."""

    START = auto()
    """Greeted, and not yet answered with a hello."""
    READY = auto()
    MAIL = auto()
    """A sender, and no recipient was accepted yet."""
    RCPT = auto()
    """At least one recipient."""
    DATA = auto()
    """Dot-stuffed content is arriving."""
    CHUNK = auto()
    """The bytes of a BDAT are arriving."""
    CHUNKS = auto()
    """Between the first BDAT and the last."""
    AUTH = auto()
    """The next line answers a challenge."""
    CLOSED = auto()

    # Enum's own is written in Python, and states are looked up a dozen times a message.
    __hash__ = object.__hash__


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.START: frozenset({State.START, State.READY, State.CHUNK, State.CLOSED}),
    State.READY: frozenset(
        {State.START, State.READY, State.MAIL, State.CHUNK, State.AUTH, State.CLOSED}
    ),
    State.MAIL: frozenset({State.READY, State.RCPT, State.CHUNK, State.CLOSED}),
    State.RCPT: frozenset({State.READY, State.RCPT, State.DATA, State.CHUNK, State.CLOSED}),
    State.DATA: frozenset({State.READY, State.CLOSED}),
    State.CHUNK: frozenset({State.START, State.READY, State.CHUNKS, State.CLOSED}),
    State.CHUNKS: frozenset({State.READY, State.CHUNK, State.CLOSED}),
    State.AUTH: frozenset({State.READY, State.CLOSED}),
    State.CLOSED: frozenset({State.CLOSED}),
}

_ANY: Mapping[State, Fault] = {}
_AFTER_HELLO = {State.START: Fault.HELLO_FIRST}
_IN_TRANSACTION = {
    State.MAIL: Fault.TRANSACTION_OPEN,
    State.RCPT: Fault.TRANSACTION_OPEN,
    State.CHUNKS: Fault.TRANSACTION_OPEN,
}
_BETWEEN_MESSAGES = _AFTER_HELLO | _IN_TRANSACTION
ILLEGAL: Mapping[str, Mapping[State, Fault]] = {
    "HELO": _ANY,
    "EHLO": _ANY,
    "LHLO": _ANY,
    "MAIL": _BETWEEN_MESSAGES,
    "RCPT": {
        State.START: Fault.HELLO_FIRST,
        State.READY: Fault.MAIL_FIRST,
        State.CHUNKS: Fault.SEQUENCE,
    },
    "DATA": {
        State.START: Fault.HELLO_FIRST,
        State.READY: Fault.MAIL_FIRST,
        State.MAIL: Fault.NO_RECIPIENTS,
        State.CHUNKS: Fault.SEQUENCE,
    },
    # Its bytes follow whether it is legal or not: the verb itself looks at the state.
    "BDAT": _ANY,
    "RSET": _ANY,
    "NOOP": _ANY,
    "QUIT": _ANY,
    "HELP": _ANY,
    "VRFY": _ANY,
    "EXPN": _ANY,
    "AUTH": _BETWEEN_MESSAGES,
    "STARTTLS": _BETWEEN_MESSAGES,
    "XCLIENT": _IN_TRANSACTION,
}
"""Every verb, and the states in which it is refused with which fault."""
OBSOLETE = frozenset({"SEND", "SOML", "SAML", "TURN", "ETRN", "ATRN", "VERB", "ONEX"})
"""Verbs of RFC 821 and others that are known and not carried out: 502, not 500 (RFC 5321 4.2.4)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Command:
    """A legal command. `verb`: upper-case. `argument`: what stands behind the space, untouched
    but for trailing spaces (RFC 5321 section 4.1.1 asks receivers to tolerate those)."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no legal command. `verb`: what it would have been, where that is known."""

    fault: Fault
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """A line of an authentication exchange."""

    line: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The content of a DATA or of one BDAT came to its true end. `plain`: as `ports.Spool`'s."""

    fault: Fault | None
    plain: bool = False


Content = DotContent | ChunkContent
Event = Command | Refused | Response | End | bytes
"""`bytes`: the next piece of the message's content."""


class Machine:
    """One session. `line_limit`: octets of a command line without its CRLF."""

    __slots__ = ("_buffer", "_content", "_ended", "_limit", "_position", "_skipping", "state")

    def __init__(self, line_limit: int) -> None:
        self.state = State.START
        self._limit = line_limit
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._content: Content | None = None
        self._ended = False

    def receive(self, data: bytes) -> None:
        """Takes bytes from the wire."""
        if self._position < len(self._buffer):
            data = self._buffer[self._position :] + data
        self._buffer = data
        self._position = 0

    @property
    def pending(self) -> int:
        """Bytes received and not yet given out."""
        return len(self._buffer) - self._position

    def enter(self, state: State) -> None:
        """Moves on. Raises AssertionError for a move that is not in TRANSITIONS: a defect."""
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"no way from {self.state.name} to {state.name}")
        self.state = state

    def start_data(self, content: DotContent) -> None:
        """From here on bytes are content, up to the line that is a single dot."""
        self.enter(State.DATA)
        self._content = content
        if self._buffer.endswith(b"\r\n", 0, self._position):
            self._position -= 2
        else:
            self._buffer = b"\r\n" + self._buffer[self._position :]
            self._position = 0

    def start_chunk(self, content: ChunkContent, size: int, *, last: bool) -> None:
        """The next `size` bytes are content, and the last of it if `last`."""
        self.enter(State.CHUNK)
        self._content = content
        content.expect(size, last=last)

    def drop(self) -> None:
        """Gives no more content, up to its end."""
        assert self._content is not None
        self._content.drop()

    @property
    def in_line(self) -> bool:
        """Whether a line has begun and not ended: its sender may be slow on purpose."""
        return self._content is None and (self._skipping or self.pending > 0)

    def next_event(self) -> Event | None:
        """The next event, or None when more bytes are needed for one."""
        event = self._line() if self._content is None else self._piece(self._content)
        if event is None and self._position == len(self._buffer):
            # An idle session keeps no memory.
            self._buffer = b""
            self._position = 0
        return event

    def _piece(self, content: Content) -> Event | None:
        if not self._ended:
            piece, self._position, self._ended = content.take(self._buffer, self._position)
            if piece:
                return piece
        if not self._ended:
            return None
        self._ended = False
        self._content = None
        return End(content.fault, content.plain)

    def _line(self) -> Event | None:
        limit = RESPONSE_LIMIT if self.state is State.AUTH else self._limit
        start = self._position
        end = self._buffer.find(b"\r\n", start)
        if end < 0:
            return self._partial_line(start, limit)
        self._position = end + 2
        if self._skipping:
            self._skipping = False
            return self._line()
        fault = self._fault(start, end, limit)
        if fault is not None:
            return self._refused(fault, start)
        line = self._buffer[start:end]
        return Response(line) if self.state is State.AUTH else self._command(line, start)

    def _partial_line(self, start: int, limit: int) -> Event | None:
        """No CRLF yet. A line at fault is refused at once, and skipped up to its CRLF: a bare LF
        ends no line, and a peer that sends only those must hear of it."""
        end = len(self._buffer)
        if self._buffer.endswith(b"\r", start):
            end -= 1
        if self._skipping:
            self._position = end
            return None
        fault = self._fault(start, end, limit)
        if fault is None:
            return None
        self._skipping = True
        self._position = end
        return self._refused(fault, start)

    def _fault(self, start: int, end: int, limit: int) -> Fault | None:
        if self._buffer.find(b"\n", start, min(end, start + limit + 1)) >= 0:
            return Fault.CONTROL_CHARACTER
        if end - start > limit:
            return Fault.RESPONSE_TOO_LONG if self.state is State.AUTH else Fault.LINE_TOO_LONG
        return None

    def _refused(self, fault: Fault, start: int) -> Refused:
        """A broken BDAT hides how much content follows it: none of that may be read as commands."""
        if self.state is not State.AUTH and self._buffer[start : start + 5].upper() == b"BDAT ":
            return Refused(Fault.BAD_CHUNK_SIZE, "BDAT")
        return Refused(fault)

    def _command(self, line: bytes, start: int) -> Event:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return self._refused(Fault.NOT_UTF8, start)
        if not text.isprintable() and _CONTROL.search(text) is not None:
            return self._refused(Fault.CONTROL_CHARACTER, start)
        verb, _, argument = text.partition(" ")
        verb = verb.upper()
        faults = ILLEGAL.get(verb)
        if faults is None:
            return Refused(Fault.NOT_IMPLEMENTED if verb in OBSOLETE else Fault.UNKNOWN_COMMAND)
        fault = faults.get(self.state)
        if fault is not None:
            return Refused(fault, verb)
        return Command(verb, argument.rstrip(" "))
