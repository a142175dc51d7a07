"""What was found when a server and its domains were looked over, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Light(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Detail:
    """A further line. `literal`: to be copied as it is, such as a record of a zone."""

    text: str
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `text`: what is so, and where it is bad, what mends it."""

    light: Light
    text: str
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """Findings about one thing: the system, or a domain."""

    title: str
    findings: tuple[Finding, ...]


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(Light.OK, text)


def warning(text: str, *details: Detail) -> Finding:
    """Somebody should look at it."""
    return Finding(Light.WARNING, text, details)


def error(text: str, *details: Detail) -> Finding:
    """Something does not work."""
    return Finding(Light.ERROR, text, details)
