"""What a refused peer is told of a finding: words, and the enhanced status that says the same.

RFC 7372 has a code for most of it; the rest is X.7.1, which RFC 3463 means for any policy. Which
findings lead to a refusal is `policy.consequences`'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailhub.policy.step import Finding

_SAID = re.compile(
    r"(?:(?P<code>[45]\d\d)(?:[ -]|\Z))?\s*(?:[245]\.(?P<status>\d{1,3}\.\d{1,3})(?:\s+|\Z))?"
    r"(?P<text>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Words:
    """`status`: subject and detail of the enhanced code (RFC 3463): what stands behind the class
    5 or 4. `text`: one line. `code`: of the reply, 0 where the face has the choice."""

    status: str
    text: str
    code: int = 0


OTHERWISE = Words("7.1", "The message is refused by this server's policy")
TABLE: Mapping[tuple[str, str], Words] = {
    ("dmarc", "reject"): Words("7.26", "The author's domain does not vouch for this (DMARC)"),
    ("dmarc", "quarantine"): Words("7.26", "The author's domain does not vouch for this (DMARC)"),
    ("dmarc", "temperror"): Words("7.26", "The author's domain cannot be looked up (DMARC)"),
    ("from", "malformed"): Words("7.1", "From has to be one field with one plain address"),
    ("spf", "fail"): Words("7.23", "The sender's domain forbids this client to send (SPF)"),
    ("iprev", "fail"): Words("7.25", "Your address and its name in the DNS do not agree"),
    ("iprev", "permerror"): Words("7.25", "Your address has no name in the DNS"),
    # RFC 3463 3.2, RFC 7505 4.2
    ("origin", "unresolvable"): Words("1.8", "The sender's domain has no mail server in the DNS"),
    ("origin", "null_mx"): Words("7.27", "The sender's domain takes no mail (null MX)"),
    ("reverse", "unconfirmed"): Words("7.25", "Your address and its name do not agree"),
    ("reverse", "missing"): Words("7.25", "Your address has no name in the DNS"),
}
"""By (step, name) of the finding."""


def words(cause: Finding | None, *, permanent: bool) -> Words:
    """For the finding that decided; None: a sum of scores did."""
    if cause is None:
        return OTHERWISE
    found = TABLE.get((cause.step, cause.name), OTHERWISE)
    said = _SAID.match(" ".join(cause.said.split()))
    assert said is not None  # every part of it may be missing
    code = int(said["code"] or 0)
    if code // 100 != (5 if permanent else 4):
        code = 0
    return Words(said["status"] or found.status, said["text"] or found.text, code)
