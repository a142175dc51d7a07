"""Names as the DNS is asked for them, and the servers that are asked.

Pure text; asks nobody.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

from mailhub.model.errors import Invalid

NAME_LIMIT = 253
LABEL_LIMIT = 63
_SERVER = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<v4>[\d.]+))(?::(?P<port>\d{1,5}))?", re.ASCII)


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


def server_address(text: str, port: int = 53) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353` as address and port;
    `port` where there is none. Raises Invalid, also for a link-local address with its zone."""
    found = _SERVER.fullmatch(text)
    host = text if found is None else found["v6"] or found["v4"]
    digits = found["port"] if found is not None else None
    try:
        address = str(ip_address(host))
    except ValueError:
        address = ""
    if not address or "%" in address:
        raise Invalid(f"{text!r} is no address of a server", "servers")
    if digits is not None and not 0 < int(digits) < 65536:
        raise Invalid(f"{text!r} has no valid port", "servers")
    return address, port if digits is None else int(digits)
