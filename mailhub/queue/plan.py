"""From an answer to what becomes of a queue entry: arithmetic alone, no store, clock or network.

Temporary failures and lost connections are tried again, ever more rarely, until the mail is too
old; what is refused for good comes back. Who tries and who writes it down is `queue.runner`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import Action, Attempt, AttemptResult, Outcome, QueueEntry
from mailhub.model.settings import QueueSettings

EXPIRED = "5.4.7"
"""Delivery time expired (RFC 3463 3.5)."""
UNREACHED = frozenset(
    {Stage.RESOLVE, Stage.CONNECT, Stage.GREETING, Stage.HELLO, Stage.TLS, Stage.AUTH}
)
"""Stages before a message is spoken of: who fails there fails all messages alike."""


@dataclass(frozen=True, slots=True)
class Via:
    """How an answer came: `remote`, `tls`, `source` as in `Attempt`. `told`: who took the message
    tells its sender what was asked for (RFC 3461 5.2.1). `final`: it is in its mailbox, and not on
    its way."""

    remote: str = ""
    tls: str = ""
    told: bool = False
    final: bool = False
    source: str = ""


def via(sent: Sent) -> Via:
    """How another server's answer came."""
    remote = f"{sent.host} [{sent.address}]" if sent.address else sent.host
    return Via(remote, sent.tls, told=sent.dsn, source=sent.source)


def after(
    entry: QueueEntry,
    answer: Answer,
    how: Via,
    *,
    now: int,
    settings: QueueSettings,
    jitter: float,
) -> Outcome:
    """What becomes of `entry`. `jitter`: even in -1 to 1; `now`: epoch seconds."""
    if answer.delivered:
        return _delivered(entry, answer, how, now)
    if answer.permanent and not answer.unknown:
        return _failed(entry, answer.status, answer, how, now)
    until = entry.created + lifetime(entry, settings)
    if now >= until:
        return _failed(entry, EXPIRED, answer, how, now)
    due = min(now + wait(entry.attempts, settings, jitter), max(until, now + 1))
    warned = entry.warned
    action = None
    if not warned and 0 < settings.delay_warning <= now - entry.created:
        warned = True
        action = Action.DELAYED if entry.wants(Action.DELAYED) else None
    attempt = Attempt(
        entry=entry.number,
        at=now,
        result=AttemptResult.DEFERRED,
        status=answer.status,
        reply=words(answer),
        remote=how.remote,
        tls=how.tls,
        due=due,
        warned=warned,
        source=how.source,
    )
    return Outcome(entry, attempt, action)


def words(answer: Answer) -> str:
    """What is written down of an answer: reply code and text, or our own words."""
    return f"{answer.code} {answer.text}" if answer.code else answer.text


def _delivered(entry: QueueEntry, answer: Answer, how: Via, now: int) -> Outcome:
    action = Action.DELIVERED if how.final else Action.RELAYED
    attempt = Attempt(
        entry.number,
        now,
        AttemptResult.DELIVERED,
        answer.status,
        words(answer),
        how.remote,
        how.tls,
        source=how.source,
    )
    return Outcome(entry, attempt, action if entry.wants(action) and not how.told else None)


def _failed(entry: QueueEntry, status: str, answer: Answer, how: Via, now: int) -> Outcome:
    """Gives up. A notification that fails ends in silence (RFC 3461 6.1)."""
    result = AttemptResult.FAILED if entry.sender.address else AttemptResult.DISCARDED
    attempt = Attempt(
        entry.number,
        now,
        result,
        status,
        words(answer),
        how.remote,
        how.tls,
        source=how.source,
    )
    return Outcome(entry, attempt, Action.FAILED if entry.wants(Action.FAILED) else None)


def lifetime(entry: QueueEntry, settings: QueueSettings) -> int:
    """Seconds after which `entry` is given up."""
    return settings.lifetime if entry.sender.address else settings.bounce_lifetime


def wait(attempts: int, settings: QueueSettings, jitter: float) -> int:
    """Seconds until the next attempt. `attempts`: those before the one that just failed."""
    base = settings.retry[min(attempts, len(settings.retry) - 1)]
    return max(1, round(base * (1 + jitter * settings.jitter / 100)))


def back_off(failures: int, settings: QueueSettings) -> int:
    """Seconds for which a destination is let alone. `failures`: in a row, from 1."""
    return min(settings.backoff << min(failures - 1, 20), settings.backoff_most)


def unreached(sent: Sent) -> bool:
    """Whether the destination failed as a whole, and not this message in particular."""
    return all(
        not one.delivered and not one.permanent and one.stage in UNREACHED for one in sent.answers
    )
