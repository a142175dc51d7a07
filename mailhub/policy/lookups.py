"""Lets libraries that want DNS answers at once run on a resolver that answers later.

A function runs on the answers that are known; where it misses one it is stopped, the answer is
asked for, and it runs again. Nothing blocks and no thread is needed: what such libraries compute
between two lookups takes microseconds. May not know what the answers are for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import LimitReached, NotFound, Unavailable
from mailhub.ports import Clock, Resolver

T = TypeVar("T")

LIMIT = 128
"""Lookups of one function. SPF at its bounds (RFC 7208 4.6.4) needs about 110."""
SECONDS = 20.0
"""Time for all lookups of one function (RFC 7208 4.6.4), where there is a clock."""
TURN = 0.004
"""Seconds of runs on known answers before others get a turn."""


class Lookup(Protocol):
    """What the function asks: the answer, None where the name does not exist (NXDOMAIN).

    Raises Unavailable where there was no answer: the function lets it out, or makes it its
    temporary error. Whatever else it raises passes through the function untouched.
    """

    def __call__(self, name: str, kind: str) -> DNSAnswer | None: ...


class Missing(BaseException):
    """Stops the function at an answer that is not known yet. No Exception: libraries catch these
    to call them temporary errors."""


class Known:
    """The answers so far, as a Lookup. `missed`: what the last run wanted besides."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], DNSAnswer | Unavailable | None] = {}
        self.missed: tuple[str, str] | None = None

    def __len__(self) -> int:
        return len(self._answers)

    def __contains__(self, question: tuple[str, str]) -> bool:
        return _folded(*question) in self._answers

    def __call__(self, name: str, kind: str) -> DNSAnswer | None:
        question = _folded(name, kind)
        if question not in self._answers:
            self.missed = self.missed or question
            raise Missing(*question)
        answer = self._answers[question]
        if isinstance(answer, Unavailable):
            raise Unavailable(answer.text)
        return answer

    def begin(self) -> None:
        """A run begins: it missed nothing yet."""
        self.missed = None

    def learn(self, name: str, kind: str, answer: DNSAnswer | Unavailable | None) -> None:
        """The next run knows this one."""
        self._answers[_folded(name, kind)] = answer


async def with_answers(
    resolver: Resolver,
    run: Callable[[Lookup], T],
    limit: int = LIMIT,
    *,
    clock: Clock | None = None,
    seconds: float = SECONDS,
    ahead: Sequence[tuple[str, str]] = (),
) -> T:
    """What `run` returns once it missed no answer; it is called again and again, and must not
    change anything outside itself.

    `limit`: lookups it may make; raises LimitReached beyond. `clock`: bounds them together to
    `seconds`, after which every further one is Unavailable, and gives others a turn. `ahead`:
    (name, kind) that it will surely want, looked up first, which saves runs. Raises what `run`
    raises.
    """
    known = Known()
    end = clock.seconds() + seconds if clock else 0.0
    for name, kind in ahead:
        await _learn(resolver, known, name, kind, late=clock is not None and clock.seconds() > end)
    turn = clock.seconds() if clock else 0.0
    while True:
        known.begin()
        try:
            result = run(known)
        except (Missing, Exception):
            # Also a library that made an error of its own of the stop did not see all answers.
            if known.missed is None:
                raise
        else:
            if known.missed is None:
                return result
        if len(known) >= limit:
            raise LimitReached("Too many DNS lookups")
        late = clock is not None and clock.seconds() > end
        await _learn(resolver, known, *known.missed, late=late)
        if clock is not None and clock.seconds() - turn > TURN:
            await clock.pause()
            turn = clock.seconds()


async def _learn(resolver: Resolver, known: Known, name: str, kind: str, *, late: bool) -> None:
    if late:
        known.learn(name, kind, Unavailable("The DNS took too long"))
        return
    try:
        known.learn(name, kind, await resolver.query(name, kind))
    except NotFound:
        known.learn(name, kind, None)
    except Unavailable as error:
        known.learn(name, kind, error)


def _folded(name: str, kind: str) -> tuple[str, str]:
    return name.lower().rstrip("."), kind.upper()
