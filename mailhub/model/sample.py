"""What a server did and how it stood, by time: values of which graphs are drawn."""

from __future__ import annotations

from dataclasses import dataclass

FIVE_MINUTES, HOUR, DAY = 300, 3600, 86_400
SPANS = (FIVE_MINUTES, HOUR, DAY)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages, and tries to pass one recipient's copy on. `received`: from other servers;
    `submitted`: by users and this server; `rejected`: before they were taken."""

    received: int = 0
    submitted: int = 0
    delivered: int = 0
    deferred: int = 0
    failed: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Levels:
    """How it stood: recipients that wait, the age of the oldest one's message in seconds, octets
    that are taken of the disk and octets that it has. Of a longer span: the most there was."""

    queued: int = 0
    oldest: int = 0
    stored: int = 0
    room: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """`span` seconds from `at` (epoch seconds, a multiple of `span`) on."""

    span: int
    at: int
    traffic: Traffic
    levels: Levels
