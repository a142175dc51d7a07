"""Answers from the DNS, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DNSAnswer:
    """What a name has of one type; empty `records`: the name exists and has none.

    `records`, by type: A, AAAA: the address as text. MX: (preference, exchange). TXT: bytes, the
    strings of one record joined. PTR, CNAME, NS: the name. TLSA: `route.TLSA`. SRV: (priority,
    weight, port, target). SOA: (primary, mbox, serial). DS: its text. Names are
    lower-case A-labels without the last dot; `.` stays.
    `authentic`: a validating resolver that is trusted to say so found it signed (AD).
    `canonical`: the name after CNAMEs. `ttl`: seconds.
    """

    name: str
    kind: str
    records: tuple[Any, ...]
    authentic: bool = False
    canonical: str = ""
    ttl: int = 0
