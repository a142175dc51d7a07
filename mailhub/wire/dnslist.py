"""Lists in the DNS (RFC 5782): the names that are asked for, and what the answers stand for.

Pure text; asks nobody.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from mailhub.model.errors import Invalid
from mailhub.wire.dnsname import NAME_LIMIT, query_name, reverse_name, text_address

_OCTET = re.compile(r"\*|\d{1,3}(?:-\d{1,3})?", re.ASCII)


def address_name(address: str, zone: str) -> str:
    """`192.0.2.1` in `l.example` as `1.2.0.192.l.example`, IPv6 by nibbles (2.1, 2.4). Raises
    Invalid for what is no address."""
    reverse = reverse_name(address)
    reverse = reverse.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    return f"{reverse}.{zone}"


def domain_name(domain: str, zone: str) -> str:
    """A domain in a list of domains (3). Raises Invalid for what is none, or too long a name."""
    name = f"{query_name(domain)}.{zone}"
    if len(name) > NAME_LIMIT or "." not in domain.strip(".") or text_address(domain):
        raise Invalid("Not a name that a list can have", "domain")
    return name


class Code:
    """Answers of one meaning: `127.0.0.2`, `127.0.0.10-11`, `127.0.*.3`. Raises Invalid for what
    is none."""

    __slots__ = ("_octets", "text")

    def __init__(self, text: str) -> None:
        parts = text.split(".")
        if len(parts) != 4 or not all(_OCTET.fullmatch(part) for part in parts):
            raise Invalid(f"{text!r} is no answer such as 127.0.0.2, 127.0.0.10-11 or 127.0.*.3")
        self.text = text
        self._octets = tuple(map(_bounds, parts))

    def __contains__(self, address: str) -> bool:
        octets = map(int, address.split("."))
        return all(
            first <= octet <= last
            for octet, (first, last) in zip(octets, self._octets, strict=True)
        )


def _bounds(part: str) -> tuple[int, int]:
    if part == "*":
        return 0, 255
    first, _, last = part.partition("-")
    return int(first), int(last or first)


def means(address: str) -> bool | None:
    """Whether an answer says that the name is listed; None: that its operator does not answer us.

    Lists answer within 127.0.0.0/8, and 127.0.0.1 is never one (2.1, 5): what is outside comes
    from a wildcard in a domain that was sold. 127.255.255.0/24 tells of queries that are refused
    (https://www.spamhaus.com, "Return codes"), as 127.0.0.1 does for uribl.com.
    """
    packed = IPv4Address(address).packed
    if packed[0] != 127:
        return False
    if packed[:3] == b"\x7f\xff\xff" or packed == b"\x7f\x00\x00\x01":
        return None
    return True
