"""Server certificates as values: what one says of itself, which one a name gets, what is wrong.

What X.509 spells how is `wire.x509`'s; who may install one is core's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import Invalid

DAY = 86400
CLOSE = 10 * DAY
"""Seconds before its end from which a certificate that was not renewed is a reason to worry."""


class Problem(Enum):
    """What can be wrong with a certificate, for one name."""

    MALFORMED = "malformed"
    """Not PEM, not a certificate, or not one that servers use."""
    KEY = "key"
    """It was made for another key than the one that it is to be used with."""
    NAME = "name"
    """It is for other names."""
    SELF_SIGNED = "self-signed"
    NOT_YET = "not-yet"
    """Its time has not come."""
    EXPIRED = "expired"
    INCOMPLETE = "incomplete"
    """A certificate between it and its authority is missing."""
    UNRELATED = "unrelated"
    """Among the certificates that came with it are some that do not belong to it."""
    UNTRUSTED = "untrusted"
    """It ends at an authority that clients do not know."""


class CertificateRefused(Invalid):
    """A certificate that is not installed. `problem`: why. `names`: those that it is for, where it
    could be read."""

    def __init__(
        self, problem: Problem, text: str, field: str = "cert", names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(text, field)
        self.problem = problem
        self.names = names


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate. `id`: SHA-256 of it, in hex. `names`: DNS names in lower case,
    wildcards as `*.example.org`. `begins`, `ends`: epoch seconds. `issuer`: who signed it, for
    people. `key`: SHA-256 of its public key (SubjectPublicKeyInfo), in hex, as in TLSA records of
    selector 1. `problem`: of its chain, whatever the name and the time."""

    id: str
    names: tuple[str, ...]
    begins: int
    ends: int
    issuer: str
    self_signed: bool
    key: str
    problem: Problem | None = None

    def covers(self, name: str) -> bool:
        """Whether it is for `name`, itself or by a wildcard of its last labels (RFC 6125 6.4.3)."""
        return name in self.names or "*." + name.partition(".")[2] in self.names

    def is_current(self, now: float) -> bool:
        """Whether its time has come and is not over."""
        return self.begins <= now < self.ends

    def fault(self, now: float) -> Problem | None:
        """What is wrong with it now, the worst first; None: clients take it."""
        if now < self.begins:
            return Problem.NOT_YET
        if now >= self.ends:
            return Problem.EXPIRED
        return Problem.SELF_SIGNED if self.self_signed else self.problem

    def rank(self, now: float) -> tuple[bool, bool, bool, int]:
        """The greater the better: in time, not self-signed, known to clients, the later its end."""
        return self.is_current(now), not self.self_signed, self.problem is None, self.ends


def best(of: Iterable[Certificate], name: str, now: float) -> Certificate | None:
    """The one that `name` gets; of equal ones the first."""
    return max((one for one in of if one.covers(name)), key=lambda one: one.rank(now), default=None)


class Standing(Enum):
    """How a name is served, as a traffic light has it."""

    GOOD = "success"
    WARNING = "warning"
    BAD = "danger"
    ELSEWHERE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Status:
    """What to say of a name's certificate. `certificate`: the one it gets, None: it has none.
    `problem`: what is wrong with that one. `days`: whole ones until its end. `elsewhere`: the
    name's web site is not here. `obstacle`: why none can be asked for automatically; empty: one
    can. `failure`: what came of the last time that one was asked for, where it failed."""

    name: str
    standing: Standing
    certificate: Certificate | None = None
    problem: Problem | None = None
    days: int = 0
    obstacle: str = ""
    failure: str = ""
