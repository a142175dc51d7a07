"""Named networks (`192.0.2.0/24`, `2001:db8::1`, `unix`): which of them an address is in.

Pure; the one place that compares peers with configured networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

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
