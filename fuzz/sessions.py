"""One input as one session: how its bytes are cut, how it is read, how it ends.

The first byte of an input says what kind of session it is (three bits are read here, a target
takes the others), the second how the rest is cut into what arrives at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from tests.transcript import Conversation

PIECES = 16
"""In as many pieces the bytes of a session arrive at most."""
SIZES = (1, 1, 2, 3, 7, 20, 60, 200, 1000)
TURNS = 200
WAIT = 30.0
"""Seconds in which an answer that is held back on purpose comes."""
FOREVER = 1e6
"""Seconds in which every timer of a session rings."""


class Ending(IntEnum):
    """Who ends a session, and how."""

    DROPPED = 0
    """The client is gone, perhaps in the middle of an answer."""
    DRAINED = 1
    """The client waits for all answers, then goes."""
    IDLE = 2
    """The client says nothing more until the server goes."""
    RETIRED = 3
    """The server stops."""


@dataclass(frozen=True, slots=True)
class Case:
    """An input, read. `flags`: five bits for the target. `slow`: the client reads slowly."""

    ending: Ending
    slow: bool
    flags: int
    pieces: tuple[bytes, ...]

    @classmethod
    def of(cls, data: bytes) -> Case:
        """The session that these bytes spell; every bytes spell one."""
        first, second = data[:2].ljust(2, b"\0")
        return cls(Ending(first & 3), bool(first & 4), first >> 3, tuple(_pieces(second, data[2:])))

    def uncut(self) -> Case:
        """The same session, its bytes arriving all at once."""
        return replace(self, pieces=(b"".join(self.pieces),))

    def says(self, *words: bytes) -> bool:
        """Whether any of these (in upper case) is among the bytes, in any case."""
        wire = b"".join(self.pieces).upper()
        return any(word in wire for word in words)


def spelled(flags: int, cuts: int, wire: bytes, *, ending: Ending = Ending.DRAINED) -> bytes:
    """The input of a session: what `Case.of` reads."""
    return bytes([flags << 3 | ending, cuts]) + wire


def _pieces(cuts: int, wire: bytes) -> Iterator[bytes]:
    if cuts:
        sizes = random.Random(cuts)
        for _ in range(PIECES - 1):
            size = sizes.choice(SIZES)
            if len(wire) <= size:
                break
            yield wire[:size]
            wire = wire[size:]
    yield wire


def settle(conversation: Conversation, seconds: float = 0) -> None:
    """Lets calls happen that are due within so many seconds."""
    reactor = conversation.reactor
    reactor.advance(seconds)
    for _ in range(TURNS):
        if not any(call.getTime() <= reactor.seconds() for call in reactor.getDelayedCalls()):
            return
        reactor.advance(0)


def play(
    conversation: Conversation,
    case: Case,
    bound: int,
    *,
    halfway: Callable[[], object] = lambda: None,
) -> bytes:
    """Everything that the server said to this session. `bound`: bytes of input that it may hold
    while it answers nothing. `halfway` happens between two pieces."""
    server: Any = conversation.protocol
    for number, piece in enumerate(case.pieces):
        if case.slow:
            server.pauseProducing()
        if conversation.transport.disconnecting:
            break
        server.dataReceived(piece)
        settle(conversation)
        if case.slow:
            server.resumeProducing()
            settle(conversation)
        held = server.machine.pending
        idle = server._running is None and not server.closing
        assert not idle or held <= bound, f"{held} bytes are held"
        if number == len(case.pieces) // 2:
            halfway()
            settle(conversation)
    _end(conversation, case.ending)
    return conversation.read()


def _end(conversation: Conversation, ending: Ending) -> None:
    """Ends a session; nothing of it may be left, be it a timer or an answer."""
    server: Any = conversation.protocol
    if ending is not Ending.DROPPED:
        settle(conversation, WAIT)
    if ending is Ending.RETIRED:
        server.retire()
        settle(conversation, WAIT)
        assert server.closing, "the server stopped, a session did not"
    elif ending is Ending.IDLE:
        settle(conversation, FOREVER)
        settle(conversation, FOREVER)
        assert server.closing, "a silent session goes on for ever"
    conversation.drop()
    settle(conversation, FOREVER)
    assert server._running is None, "an answer runs on"
    assert not conversation.reactor.getDelayedCalls(), "a timer is left"
