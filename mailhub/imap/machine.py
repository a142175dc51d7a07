"""IMAP framing, sans-io: bytes in, one event at a time out (RFC 9051 section 2.2).

The machine knows where commands, literals and exchange lines end, and which verb is legal in
which state; what a command means is the grammar's, what it does is the verb's. It is pull-style:
nothing behind a command is looked at before that command was answered, so a state change (TLS,
login, ENABLE) always applies to exactly what follows it. Whatever is over a limit is discarded
to its true end and then answered, so that it never eats the next command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

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
from mailhub.imap.framing import (
    DISCARDED,
    LITERAL,
    LITERAL_SPAN,
    LONGEST_TAG,
    UNAUTHENTICATED_INPUT,
    Mode,
    UnknownCommand,
    opening,
    tag_of,
    without_message,
)
from mailhub.imap.grammar import messages
from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.grammar.uploads import AppendHead, ReplaceHead, Upload
from mailhub.imap.replies import Refusal
from mailhub.imap.state import State
from mailhub.imap.verb import Verb
from mailhub.model.errors import Invalid, MailhubError, TooLarge


class Machine:
    """One connection's input.

    `verbs`: by name. `line`: most octets of one command, its literals included, messages not.
    `message`: most octets of one uploaded message. `state` and `utf8` are kept by the talk.
    """

    __slots__ = (
        "_at",
        "_data",
        "_held",
        "_left",
        "_line",
        "_message",
        "_mode",
        "_scan",
        "_spent",
        "_thrown",
        "_upload",
        "_verbs",
        "state",
        "utf8",
    )

    def __init__(self, verbs: Mapping[bytes, Verb], *, line: int, message: int) -> None:
        self._verbs = verbs
        self._line = line
        self._message = message
        self.state = State.NOT_AUTHENTICATED
        self.utf8 = False
        self._mode = Mode.COMMAND
        self._data = b""
        self._at = 0
        self._scan = 0
        self._spent = 0
        self._left = 0
        self._thrown = 0
        self._held: Event | None = None
        self._upload: tuple[bytes, Verb, AppendHead | ReplaceHead] | None = None

    # -- what the server uses

    @property
    def pending(self) -> int:
        """Octets that came in and are part of no event yet."""
        return len(self._data) - self._at

    @property
    def amid(self) -> bool:
        """Whether a command, or its message, has come in part."""
        return self._upload is not None or (self._mode is Mode.COMMAND and self.pending > 0)

    def receive(self, data: bytes) -> None:
        """Takes octets from the peer."""
        if self._at == len(self._data):
            self._data = data
        else:
            self._data = self._data[self._at :] + data
        self._scan = max(0, self._scan - self._at)
        self._at = 0

    def next_event(self) -> Event | None:
        """The next event; None when it needs more data."""
        event = self._next[self._mode](self)
        if self._at == len(self._data) and self._data:
            self._scan -= self._at
            self._data, self._at = b"", 0
        return event

    # -- what the talk uses

    def restart(self) -> None:
        """TLS began: nothing from before it counts. The caller saw to it that none was left."""
        self._spent = 0

    def converse(self, lines: bool) -> None:
        """Whether what comes now are lines of an exchange (AUTHENTICATE, IDLE)."""
        if self._mode is not Mode.PASSED:
            self._mode = Mode.LINES if lines else Mode.COMMAND

    def pass_on(self) -> None:
        """What comes now is another server's: there are no more events."""
        self._mode = Mode.PASSED

    def rest(self) -> bytes:
        """What came in and is part of no event; it is forgotten here."""
        rest, self._data, self._at = self._data[self._at :], b"", 0
        return rest

    def accept(self) -> None:
        """Takes the message that was announced; its octets follow as events."""
        self._mode = Mode.MESSAGE

    def refuse(self, error: MailhubError | Refusal) -> Refused | None:
        """Turns down the announced message. The refusal to answer with at once, where the client
        waits; otherwise None: it is an event when all that the client sends already is past."""
        assert isinstance(self._held, Announced)
        announced = self._held
        refused = Refused(announced.tag, error)
        self._upload = None
        if announced.waits:
            self._mode = Mode.COMMAND
            return refused
        self._discard(announced.upload.size, refused)
        return None

    # -- commands

    def _command(self) -> Event | None:
        data, start = self._data, self._at
        while True:
            end = data.find(b"\r\n", max(self._scan, start))
            if end < 0:
                return self._unfinished()
            if data[end - 1 : end] == b"}" and end > start:
                found = LITERAL.search(data, max(start, end - LITERAL_SPAN), end)
                if found is not None:
                    event = self._literal(start, end, found)
                    if event is not None or self._mode is not Mode.COMMAND:
                        return event
                    continue
            self._consume(end + 2)
            if self._over_budget(0):
                return self._die()
            return self._request(data[start:end])

    def _unfinished(self) -> Event | None:
        """No line end yet: wait, unless what is there is too long already."""
        if self._over_budget(self.pending):
            return self._die()
        if self.pending > self._line and self._scan <= len(self._data):
            tag = tag_of(self._data[self._at : self._at + LONGEST_TAG + 1])
            self._discard(0, Refused(tag, TooLarge("The command is too long")))
            return self._skip()
        # A CR that ends the data may be half of the line's end.
        self._scan = max(self._scan, len(self._data) - 1, self._at)
        return None

    def _request(self, line: bytes) -> Event:
        """A whole command without its line end."""
        if len(line) > self._line:
            return Refused(tag_of(line), TooLarge("The command is too long"))
        tag, verb, at, error = opening(line, self._verbs, self.state)
        if verb is None:
            return Refused(tag, error or UnknownCommand())
        cursor = Cursor(line, at, self.utf8)
        try:
            if verb.admit is not None:
                without_message(verb, cursor)
            value = verb.parse(cursor)
            if cursor.at != len(line):
                cursor.end()
        except MailhubError as error:
            return Refused(tag, error)
        return Request(tag, verb, value)

    def _literal(self, start: int, end: int, found: re.Match[bytes]) -> Event | None:
        """The line that ends at `end` announces a literal: what to do about it."""
        line = self._data[start:end]
        size, waits = int(found[2]), not found[3]
        tag, verb, at, error = opening(line, self._verbs, self.state)
        if verb is None:
            return self._turn_down(end, size, waits, Refused(tag, error or UnknownCommand()))
        if verb.admit is not None:
            try:
                event = self._announcement(tag, verb, line, at, found.start() - start)
            except MailhubError as error:
                return self._turn_down(end, size, waits, Refused(tag, error))
            if event is not None:
                self._consume(end + 2)
                return self._die() if self._over_budget(0) else event
        if end + 2 - start + size > self._line or self._over_budget(end + 2 - start + size):
            too_large = TooLarge("The literal is too large", self._line)
            return self._turn_down(end, size, waits, Refused(tag, too_large))
        self._scan = end + 2 + size
        return Proceed() if waits else None

    def _announcement(
        self, tag: bytes, verb: Verb, line: bytes, at: int, literal: int
    ) -> Announced | None:
        """The line announces a message; None when its literal is an argument before that."""
        cursor = Cursor(line, at, self.utf8)
        try:
            head: AppendHead | ReplaceHead = verb.parse(cursor)
        except Invalid:
            if cursor.at == literal:
                return None
            raise
        upload, waits = messages.upload(cursor)
        return self._announce(tag, verb, head, upload, waits)

    def _announce(
        self, tag: bytes, verb: Verb, head: AppendHead | ReplaceHead, upload: Upload, waits: bool
    ) -> Announced:
        event = Announced(tag, verb, head, upload, waits)
        self._held = event
        self._upload = (tag, verb, head)
        self._left = upload.size
        self._mode = Mode.ANNOUNCED
        return event

    def _turn_down(self, end: int, size: int, waits: bool, refused: Refused) -> Event | None:
        """Refuses a command at one of its literals."""
        self._consume(end + 2)
        if waits:
            return self._die() if self._over_budget(0) else refused
        if self._over_budget(size):
            return self._die()
        self._discard(size, refused)
        return self._skip()

    # -- messages

    def _announced(self) -> Event | None:
        return None

    def _chunk(self) -> Event | None:
        if not self._left:
            self._mode = Mode.TAIL
            self._scan = self._at
            return Arrived()
        data = self._data[self._at : self._at + self._left]
        if not data:
            return None
        self._left -= len(data)
        self._consume(self._at + len(data))
        return Chunk(data)

    def _tail(self) -> Event | None:
        """After a message: the end of the command, or the announcement of the next message."""
        assert self._upload is not None
        tag, verb, head = self._upload
        data, start = self._data, self._at
        end = data.find(b"\r\n", max(self._scan, start))
        if end < 0 or end - start > self._line:
            if self.pending > self._line:
                self._discard(0, Refused(tag, TooLarge("The command is too long")))
                return self._skip()
            self._scan = max(len(data) - 1, start)
            return None
        assert isinstance(self._held, Announced)
        rest = data[start:end]
        cursor = Cursor(rest, 0, self.utf8)
        found = LITERAL.search(rest, max(0, len(rest) - LITERAL_SPAN))
        try:
            if self._held.upload.utf8:
                cursor.expect(b")")
            if not rest[cursor.at :].strip(b" "):
                self._consume(end + 2)
                return self._finish(Complete(tag, verb, head))
            if isinstance(head, ReplaceHead):
                raise Invalid("REPLACE takes one message")
            upload, waits = messages.upload(cursor)
        except MailhubError as error:
            refused = Refused(tag, error)
            self._upload = None
            self._mode = Mode.COMMAND
            if found is not None:
                return self._turn_down(end, int(found[2]), not found[3], refused)
            self._consume(end + 2)
            return refused
        self._consume(end + 2)
        return self._announce(tag, verb, head, upload, waits)

    def _finish(self, event: Event) -> Event:
        self._mode = Mode.COMMAND
        self._held = self._upload = None
        return event

    # -- what is thrown away

    def _discard(self, size: int, refused: Refused) -> None:
        """Skips `size` octets and the rest of the command, then says `refused`."""
        self._mode = Mode.DISCARD
        self._held = refused
        self._left = size
        self._thrown = size

    def _skip(self) -> Event | None:
        while True:
            if self._thrown > DISCARDED * max(self._message, self._line):
                return self._die()
            skipped = min(self._left, self.pending)
            self._consume(self._at + skipped)
            self._left -= skipped
            if self._left:
                return None
            data = self._data
            end = data.find(b"\r\n", self._at)
            if end < 0:
                # The end of the data may be the start of an announcement.
                kept = max(self._at, len(data) - LITERAL_SPAN - 1)
                self._thrown += kept - self._at
                self._consume(kept)
                return self._die() if self._over_budget(self.pending) else None
            found = LITERAL.search(data, max(self._at, end - LITERAL_SPAN), end)
            self._consume(end + 2)
            if found is None or not found[3]:
                held = self._held
                assert held is not None
                return self._finish(held)
            self._left = int(found[2])
            self._thrown += self._left
            if self._over_budget(self._left):
                return self._die()

    def _die(self) -> Event:
        self._mode = Mode.DEAD
        self._consume(len(self._data))
        return Fatal(TooLarge("Too much input"))

    def _dead(self) -> Event | None:
        self._consume(len(self._data))
        return None

    # -- exchanges

    def _exchange(self) -> Event | None:
        data, start = self._data, self._at
        end = data.find(b"\r\n", start)
        if end < 0:
            if self.pending > self._line or self._over_budget(self.pending):
                return self._die()
            return None
        self._consume(end + 2)
        return self._die() if self._over_budget(0) else Line(data[start:end])

    # -- accounting

    def _consume(self, to: int) -> None:
        if self.state is State.NOT_AUTHENTICATED:
            self._spent += to - self._at
        self._at = to

    def _over_budget(self, more: int) -> bool:
        """Whether a client that is not logged in sent too much, with `more` octets to come."""
        if self.state is not State.NOT_AUTHENTICATED:
            return False
        return self._spent + more > UNAUTHENTICATED_INPUT

    _next: Mapping[Mode, Callable[[Machine], Event | None]] = {
        Mode.COMMAND: _command,
        Mode.ANNOUNCED: _announced,
        Mode.MESSAGE: _chunk,
        Mode.TAIL: _tail,
        Mode.DISCARD: _skip,
        Mode.LINES: _exchange,
        Mode.PASSED: _announced,
        Mode.DEAD: _dead,
    }
