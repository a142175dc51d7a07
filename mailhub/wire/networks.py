"""Named networks (`192.0.2.0/24`, `2001:db8::1`, `unix`): which of them an address is in.

Pure; the one place that compares peers with configured networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from mailhub.model.errors import Invalid

REMEMBERED = 4096
"""Answers kept: a busy server sees the same few peers again and again."""


class Networks:
    """A set of networks. Raises Invalid (naming the network) at birth for what is none."""

    __slots__ = ("_answers", "_networks", "_unix")

    def __init__(self, names: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._unix = False
        self._answers: dict[str, bool] = {}
        for name in names:
            if name == "unix":
                self._unix = True
                continue
            try:
                self._networks.append(ip_network(name))
            except ValueError as error:
                raise Invalid(f"{name!r} is no network: {error}") from None

    def __contains__(self, address: str) -> bool:
        """Whether `address`, textual IP or `unix`, is in any of them; False for other text."""
        known = self._answers.get(address)
        if known is None:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            known = self._answers[address] = self._look(address)
        return known

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def _look(self, address: str) -> bool:
        if address == "unix":
            return self._unix
        try:
            parsed = ip_address(plain(address))
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def plain(address: str) -> str:
    """`address` without a zone, and IPv4 where it was mapped into IPv6 (RFC 4291 2.5.5.2)."""
    if ":" not in address:
        return address
    address = address.partition("%")[0]
    if address[:7].lower() == "::ffff:" and "." in address:
        return address[7:]
    return address


def group(address: str, v4: int = 32, v6: int = 64) -> str:
    """What counts as one peer: the address itself, or its network of `v4` or `v6` bits."""
    address = plain(address)
    bits = v6 if ":" in address else v4
    if bits == 32 and ":" not in address:
        return address
    try:
        return str(ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return address


_INSIDE = Networks(
    (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2002::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
"""What no stranger on the Internet can have (RFC 6890): private, loopback, link-local, shared
between customers, multicast and reserved; and tunnels that lead to such IPv4 addresses unseen."""
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether `address`, which some name in the DNS led to, may be connected to as a stranger's.

    IPv4 in an IPv6 address (mapped, or NAT64, RFC 6052) is judged as itself.
    """
    try:
        parsed = ip_address(plain(address))
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif parsed in _NAT64:
            parsed = IPv4Address(parsed.packed[12:])
    return str(parsed) not in _INSIDE
