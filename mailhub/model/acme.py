"""Asking an authority for certificates (ACME, RFC 8555), as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import Unavailable

HTTP_01 = "http-01"
DNS_01 = "dns-01"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What proves that a name is ours. `kind`: HTTP_01 (RFC 8555 8.3): `token` is the last part of
    a path, `content` what is answered there. DNS_01 (8.4): `content` is a TXT record of
    `_acme-challenge.` and the name; a wildcard's name is without its `*.`."""

    name: str
    kind: str
    token: str
    content: str


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that waits for its challenges. `handle`: the authority's own."""

    challenges: tuple[Challenge, ...]
    handle: object


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last failure to get a certificate for a name. `failures`: in a row. `failed`, `due`:
    epoch seconds; when it is tried again by itself. `reason`: for people."""

    name: str
    failures: int
    failed: int
    due: int
    reason: str


class IssueFault(Enum):
    """Why an authority gave no certificate, as far as it matters for what to do next."""

    PROOF = "proof"
    """It could not see that a name is ours."""
    ADDRESS = "address"
    """It found no address of a name, or none that it may use."""
    CONNECTION = "connection"
    """It could not reach the address of a name."""
    ANSWER = "answer"
    """It reached something there that does not answer as we do."""
    ZONE = "zone"
    """It did not find the proof of a wildcard in the DNS."""
    CAA = "caa"
    """A CAA record forbids it to issue."""
    LIMIT = "limit"
    """It was asked too often."""
    REFUSED = "refused"
    """It does not want to: a name it does not serve, terms, an account."""
    AWAY = "away"
    """It cannot be reached, or does not work."""


class NotIssued(Unavailable):
    """An authority gave no certificate. `names`: those at fault with why, where it said so.
    `retry_after`: seconds that it wants to be left alone, 0 where it says nothing."""

    def __init__(
        self,
        fault: IssueFault,
        text: str,
        names: Sequence[tuple[str, str]] = (),
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(text)
        self.fault = fault
        self.names = tuple(names)
        self.retry_after = retry_after


class Result(Enum):
    """What came of asking for a certificate."""

    INSTALLED = "installed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Provision:
    """One certificate that was asked for, or was not (SKIPPED). `log`: for people, in order."""

    names: tuple[str, ...]
    result: Result
    log: tuple[str, ...]
