"""Names as the DNS is asked for them: of addresses in reverse, and of what hosts are called.

Pure text; asks nobody.
"""

from __future__ import annotations

from ipaddress import ip_address

import idna

from mailhub.model.errors import Invalid

NAME_LIMIT = 253
LABEL_LIMIT = 63


def reverse_name(address: str) -> str:
    """`192.0.2.1` as `1.2.0.192.in-addr.arpa`, IPv6 under `ip6.arpa` (RFC 1035 3.5, RFC 3596 2.5);
    an IPv4 address mapped into IPv6 as IPv4. Raises Invalid for what is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        raise Invalid("Not an IP address", "address") from None
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.reverse_pointer


def query_name(name: str) -> str:
    """`name` as it is asked for: lower-case A-labels without the last dot; the root is `.`.

    Labels may hold any printable ASCII but dots and backslashes (`_25._tcp`, RFC 2181 11). Raises
    Invalid for what no name can be.
    """
    folded = name.lower()
    if folded in ("", "."):
        return "."
    folded = folded.removesuffix(".")
    if not folded.isascii():
        try:
            folded = idna.encode(folded, uts46=True).decode("ascii")
        except UnicodeError:
            raise Invalid("Not a name of the DNS", "name") from None
    labels = folded.split(".")
    if (
        len(folded) > NAME_LIMIT
        or not all(0 < len(label) <= LABEL_LIMIT for label in labels)
        or not folded.isprintable()
        or "\\" in folded
    ):
        raise Invalid("Not a name of the DNS", "name")
    return folded


def text_address(name: str) -> str:
    """The address that a host name or address literal (`[192.0.2.1]`, `[IPv6:2001:db8::1]`,
    `192.0.2.1`) spells out, or empty for a name."""
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    if bare[:5].lower() == "ipv6:":
        bare = bare[5:]
    try:
        return str(ip_address(bare))
    except ValueError:
        return ""
