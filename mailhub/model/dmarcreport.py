"""What DMARC came to for one message, as the owner of its author's domain wants to hear of it
(RFC 9990 3.1.1.6). Only values; counting and telling are `core.reporting`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Disposition(Enum):
    """What became of a message because of DMARC (RFC 9990 3.1.1.9)."""

    NONE = "none"
    """Nothing: it failed, and its domain asks for nothing, or the policy was not applied."""
    PASS = "pass"  # noqa: S105  (no password)
    """Nothing: it passed."""
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Published:
    """The record that applied, as its tags say. `domain`: where it stands. `policy`, `subdomains`,
    `nonexistent`: `p`, `sp`, `np`: none, quarantine, reject, or empty where the record is silent.
    `reports`: `rua`, as written."""

    domain: str
    policy: str = ""
    subdomains: str = ""
    nonexistent: str = ""
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    percent: int = 100
    reports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DKIMFound:
    """One signature. `result`: as RFC 8601 2.7.1 has it."""

    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True)
class SPFFound:
    """What SPF said. `scope`: `mfrom` or `helo`. `result`: as RFC 8601 2.7.2 has it."""

    domain: str
    result: str
    scope: str = "mfrom"


@dataclass(frozen=True, slots=True)
class Override:
    """Why `Disposition` is not what the policy asks for. `kind`: local_policy, mailing_list, other,
    policy_test_mode or trusted_forwarder. `comment`: more words, or empty."""

    kind: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DMARCSeen:
    """One message that DMARC had a policy for. `address`: the client's, as text. `author`: the
    domain in From. `sender`: the domain in MAIL FROM, empty for the null sender. `dkim`, `spf`:
    whether one passed *and* is aligned. `signatures`, `spf_found`: everything that was checked,
    aligned or not; None where SPF was not."""

    published: Published
    address: str
    author: str
    sender: str
    disposition: Disposition
    dkim: bool
    spf: bool
    signatures: tuple[DKIMFound, ...] = ()
    spf_found: SPFFound | None = None
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate report (RFC 9990). `begin`, `end`: epoch seconds. `records`: what was seen, and
    how often; of a report that others wrote, `published` of each is the report's. `errors`: what
    the reporter found wrong with the record."""

    organization: str
    contact: str
    id: str
    begin: int
    end: int
    published: Published
    records: tuple[tuple[DMARCSeen, int], ...]
    errors: tuple[str, ...] = ()
