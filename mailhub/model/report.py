"""What is counted by day and told to other servers' administrators (RFC 7489 7.2, RFC 8460)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A count of things that are alike. `kind`: of report, such as `dmarc` or `tlsrpt`. `domain`:
    whom it is told. `day`: days since the epoch, in UTC. `key`: JSON text, in which rows of a
    domain and day differ."""

    kind: str
    domain: str
    day: int
    key: str
    count: int = 1
