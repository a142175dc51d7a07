"""What was accepted for sending, and what must have become of it: the oracle of the crash loop of
sending.

Each accepted recipient was taken by the far side, or its sender was told that it was not; nothing
was lost. A second delivery has one of two causes: the far side took the message and its answer
never came, or the server was killed between that answer and its record of it; the journal has the
second one alone then. Restarts of Redis are no cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.live.crash.counting import Key, Taken

WINDOW = 1.0
"""Seconds between an answer and the server's record of it, at the very most."""


@dataclass(frozen=True)
class Kill:
    """When the server was killed: it worked before `begin` and did not after `end` (monotonic)."""

    begin: float
    end: float


@dataclass
class Promise:
    """One message that was sent to the server. `accepted`: it answered 250."""

    identity: str
    sender: str
    recipients: Sequence[str]
    accepted: bool = False


@dataclass
class Verdict:
    """Second deliveries by cause. `dropped`: the far side hung up behind the dot; `unheard`: a kill
    came before its answer; `unrecorded`: a kill came behind its answer, and before the record.
    `gap`: the longest time between such an answer and the kill, in seconds."""

    delivered: int = 0
    refused: int = 0
    dropped: int = 0
    unheard: int = 0
    unrecorded: int = 0
    gap: float = 0.0
    problems: list[str] = field(default_factory=list)


def judge(
    promises: Sequence[Promise],
    taken: Mapping[Key, Sequence[Taken]],
    told: Mapping[Key, int],
    recorded: Mapping[str, int],
    kills: Sequence[Kill],
) -> Verdict:
    """Holds what was promised against what came. `told`: notifications of failures, by message
    and recipient; `recorded`: deliveries that the server's journal has, by recipient (no two
    messages have one in common)."""
    verdict = Verdict()
    for promise in promises:
        for recipient in promise.recipients:
            key = (promise.identity, recipient)
            if recipient.startswith("never-"):
                _refused(verdict, key, promise, taken, told)
            else:
                _delivered(verdict, key, promise, taken.get(key, ()), kills)
                _recorded(verdict, key, promise, told, recorded)
    known = {(one.identity, recipient) for one in promises for recipient in one.recipients}
    strange = [key for key in (*taken, *told) if key not in known]
    verdict.problems += [f"{key} was never sent" for key in strange]
    return verdict


def _refused(
    verdict: Verdict,
    key: Key,
    promise: Promise,
    taken: Mapping[Key, Sequence[Taken]],
    told: Mapping[Key, int],
) -> None:
    if key in taken:
        verdict.problems.append(f"{key} was delivered though refused")
    times = told.get(key, 0)
    verdict.refused += times
    if times > 1:
        verdict.problems.append(f"{key}: its sender was told {times} times")
    elif promise.accepted and not times:
        verdict.problems.append(f"{key}: its sender was not told")


def _recorded(
    verdict: Verdict,
    key: Key,
    promise: Promise,
    told: Mapping[Key, int],
    recorded: Mapping[str, int],
) -> None:
    """A delivery ends an entry, once."""
    if key in told:
        verdict.problems.append(f"{key}: its sender was told of a failure")
    times = recorded.get(key[1], 0)
    if times > 1 or (promise.accepted and not times):
        verdict.problems.append(f"{key}: the journal has {times} deliveries")


def _delivered(
    verdict: Verdict,
    key: Key,
    promise: Promise,
    taken: Sequence[Taken],
    kills: Sequence[Kill],
) -> None:
    verdict.delivered += len(taken)
    if promise.accepted and not taken:
        verdict.problems.append(f"{key} is lost")
    for one, following in pairwise(taken):
        if one.dropped:
            verdict.dropped += 1
            continue
        gap = explained(one, kills)
        if gap is None:
            verdict.problems.append(
                f"{key} left again {following.at - one.at:.3f} s later without a cause"
            )
        elif gap:
            verdict.unrecorded += 1
            verdict.gap = max(verdict.gap, gap)
        else:
            verdict.unheard += 1


def explained(one: Taken, kills: Sequence[Kill]) -> float | None:
    """Seconds from the answer to the kill that came between it and its record, 0 where the kill
    came before the answer; None: no kill did."""
    gaps = [
        max(0.0, kill.begin - one.answered)
        for kill in kills
        if one.at <= kill.end and kill.begin <= one.answered + WINDOW
    ]
    return min(gaps, default=None)
