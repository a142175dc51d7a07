"""What steps that ask scanners of content share: which mail they look at, and how they ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from mailhub.model.errors import Invalid, Unavailable
from mailhub.policy.step import Content, Facts
from mailhub.ports import Dial, Dialogue

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reading(Protocol[T_co]):
    """Collects an answer that comes in any pieces: what it says once it is whole. No data: the
    other side has closed. Raises Invalid."""

    def feed(self, data: bytes) -> T_co | None: ...


def looks_at(scan: str, facts: Facts) -> Content | None:
    """The message, where a step with this setting `scan` looks at it."""
    return facts.content if scan == "all" or facts.stranger else None


def pieces(content: Content, before: bytes = b"") -> tuple[bytes | memoryview, ...]:
    """The message as it came, behind what is put `before` it."""
    return (before, content.header, content.body)


async def ask(
    dial: Dial, seconds: float, question: Iterable[bytes | memoryview], reading: Reading[T]
) -> T:
    """One connection, one question, one answer. Raises Unavailable."""
    dialogue = await dial.open(seconds)
    try:
        return await _asked(dialogue, question, reading)
    except Invalid as error:
        raise Unavailable(error.text) from None
    finally:
        dialogue.close()


async def _asked(
    dialogue: Dialogue, question: Iterable[bytes | memoryview], reading: Reading[T]
) -> T:
    for piece in question:
        if not await dialogue.send(piece):
            break  # it has heard enough, and may have said why
    while True:
        data = await dialogue.receive()
        answer = reading.feed(data)
        if answer is not None:
            return answer
        if not data:
            raise Unavailable("It closed without an answer")
