"""What was found out about a message when it came, as few plain facts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.core.vouching import Vouched


class Kind(Enum):
    """PROVEN: the domain that the author names vouches for it. FAILED: that domain says that it is
    none of theirs. SIGNED: a domain signed it. SENT: it came from a server of the domain. UNPROVEN:
    nobody vouches for it. UNJUDGED: it did not come through this server's door. SECURED: its last
    way was encrypted."""

    PROVEN = "proven"
    FAILED = "failed"
    SIGNED = "signed"
    SENT = "sent"
    UNPROVEN = "unproven"
    UNJUDGED = "unjudged"
    SECURED = "secured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One fact. `about`: a domain, or the version of TLS."""

    kind: Kind
    about: str = ""

    @property
    def name(self) -> str:
        """For templates."""
        return self.kind.value


def verdicts(vouched: Vouched | None) -> Sequence[Verdict]:
    """All of them, what matters most first."""
    if vouched is None:
        return (Verdict(Kind.UNJUDGED),)
    found: list[Verdict] = []
    for one in vouched.results:
        if one.method == "dmarc" and one.result in ("pass", "fail"):
            kind = Kind.PROVEN if one.result == "pass" else Kind.FAILED
            found.append(Verdict(kind, one.get("header.from")))
    signers = {
        one.get("header.d").lower(): None
        for one in vouched.results
        if one.method == "dkim" and one.result == "pass" and one.get("header.d")
    }
    found += [Verdict(Kind.SIGNED, domain) for domain in signers]
    if vouched.spf:
        found.append(Verdict(Kind.SENT, vouched.spf))
    if not any(one.kind in (Kind.PROVEN, Kind.SIGNED, Kind.SENT) for one in found):
        found.append(Verdict(Kind.UNPROVEN))
    if vouched.tls:
        found.append(Verdict(Kind.SECURED, vouched.tls[0]))
    return found
