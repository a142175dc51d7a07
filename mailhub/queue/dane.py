"""What TLSA records mean for SMTP (RFC 7672): arithmetic on DNS answers.

Pure: which names are asked is `queue.destination`'s, whether a certificate matches is the SMTP
client's.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailhub.model.route import TLSA, Security, TLSLevel
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind

DANE_TA = 2
DANE_EE = 3
_DIGESTS = {1: 32, 2: 64}
"""Octets of SHA-256 and SHA-512 (RFC 6698 2.1.3)."""
LARGEST = 16 * 1024
"""Octets of a certificate or key that stands whole in a record."""
RECORDS = 32
"""Records of one host that are looked at."""


def usable(record: TLSA) -> bool:
    """Whether a record can be matched at all: usages 2 and 3 (3.1.3 leaves 0 and 1 out), known
    selector and matching type, and data that can be what it says."""
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (0, 1):
        return False
    if record.matching == 0:
        return 0 < len(record.data) <= LARGEST
    return len(record.data) == _DIGESTS.get(record.matching, -1)


def security(records: Iterable[TLSA], domain: str, names: tuple[str, ...]) -> Security:
    """What a host with these (authentic) records must prove. `domain`: the recipient's, for
    reports; `names`: reference identifiers, the TLSA base domain first (3.2.2).

    Where no record is usable TLS is still required, of whoever answers (2.2).
    """
    found = tuple(records)[:RECORDS]
    matchable = tuple(record for record in found if usable(record))
    applied = TLSPolicy(domain, TLSPolicyKind.TLSA, tuple(map(presentation, found)))
    if not matchable:
        return Security(TLSLevel.REQUIRED, names, policy="tlsa", applied=applied)
    return Security(TLSLevel.DANE, names, matchable, policy="tlsa", applied=applied)


def presentation(record: TLSA) -> str:
    """A record as reports and zone files write it (RFC 6698 2.2)."""
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex().upper()}"
