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
    """One thing that was looked at. `what`: its name, the same at every look. `text`: what is so;
    `mend`: what to do about it, empty where nothing is to be done. `sure`: False where it could
    not be looked at this time, which says nothing about how it is."""

    what: str
    light: Light
    text: str
    mend: str = ""
    details: tuple[Detail, ...] = ()
    sure: bool = True

    @property
    def whole(self) -> str:
        """What is so and what to do about it, in one line."""
        return f"{self.text} {self.mend}".rstrip()


@dataclass(frozen=True, slots=True)
class Chapter:
    """Findings about one thing: the system, or a domain. `at`: epoch seconds of the look; 0 where
    it was not looked at yet."""

    title: str
    findings: tuple[Finding, ...]
    at: int = 0

    @property
    def light(self) -> Light:
        """The worst of it."""
        return max((one.light for one in self.findings), key=_BADNESS.index, default=Light.OK)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as it was. `now`: OK where it is well again, or no longer there."""

    title: str
    what: str
    before: Light
    now: Light
    text: str
    mend: str = ""


_BADNESS = (Light.OK, Light.WARNING, Light.ERROR)


def ok(what: str, text: str, *details: Detail) -> Finding:
    """All is well."""
    return Finding(what, Light.OK, text, "", details)


def warning(what: str, text: str, mend: str, *details: Detail) -> Finding:
    """Somebody should look at it."""
    return Finding(what, Light.WARNING, text, mend, details)


def error(what: str, text: str, mend: str, *details: Detail) -> Finding:
    """Something does not work."""
    return Finding(what, Light.ERROR, text, mend, details)


def unsure(what: str, text: str, *details: Detail) -> Finding:
    """Nobody knows: who was asked did not answer."""
    return Finding(what, Light.WARNING, text, "", details, sure=False)
