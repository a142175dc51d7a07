"""The keys of signed zones (RFC 4034, RFC 6605): what stands in the DNS of them.

One key signs all of a zone at a time: ECDSA on P-256 with SHA-256, as RFC 8624 3.1 recommends.
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
ENTRY = 1
"""The flag of such a key."""
ALGORITHM = 13
DIGESTS = ("SHA256", "SHA384")


def record(public: str) -> dns.rdata.Rdata:
    """The DNSKEY of a public key: both coordinates, base64 (RFC 6605 4)."""
    return _read(text_of(public))


def text_of(public: str) -> str:
    """The same as text."""
    return f"{FLAGS} 3 {ALGORITHM} {public}"


def ds(zone: str, *texts: str) -> list[str]:
    """Texts of the DS records that the zone above needs for DNSKEY records: of those that it is
    to point to (RFC 4034 2.1.1)."""
    owner = dns.name.from_text(zone)
    keys: list[Any] = [_read(text) for text in texts]
    return [
        dns.dnssec.make_ds(owner, key, digest).to_text()
        for key in keys
        if key.flags & ENTRY
        for digest in DIGESTS
    ]


def tag(public: str) -> int:
    """The number that signatures name a key by (RFC 4034 B)."""
    key: Any = record(public)
    return int(dns.dnssec.key_id(key))


def told_above(zone: str, public: str) -> list[dns.rdata.Rdata]:
    """What a zone says to the zone above of the key that it is to point to: CDS and CDNSKEY
    (RFC 7344 3, RFC 8078)."""
    first = ds(zone, text_of(public))[0]
    kinds = ((dns.rdatatype.CDS, first), (dns.rdatatype.CDNSKEY, text_of(public)))
    return [dns.rdata.from_text(dns.rdataclass.IN, kind, text) for kind, text in kinds]


def _read(text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, text)
