"""The keys of signed zones (RFC 4034, RFC 6605): what stands in the DNS of them.

One key signs all of a zone: ECDSA on P-256 with SHA-256, as RFC 8624 3.1 recommends.
"""

from __future__ import annotations

from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

FLAGS = 257
"""A zone's key that the zone above points to (RFC 4034 2.1.1)."""
ALGORITHM = 13
DIGESTS = ("SHA256", "SHA384")


def record(public: str) -> dns.rdata.Rdata:
    """The DNSKEY of a public key: both coordinates, base64 (RFC 6605 4)."""
    text = f"{FLAGS} 3 {ALGORITHM} {public}"
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, text)


def ds(zone: str, public: str) -> list[str]:
    """Texts of the DS records that the zone above needs."""
    owner = dns.name.from_text(zone)
    key: Any = record(public)
    return [dns.dnssec.make_ds(owner, key, digest).to_text() for digest in DIGESTS]
