"""Which hosts take a domain's mail, in which order (RFC 5321 5.1): arithmetic on DNS answers.

Pure: what is asked, and what becomes of hosts without an address, is `queue.destination`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import groupby, zip_longest
from typing import Protocol, TypeVar

from mailhub.model.dns import DNSAnswer

Shuffle = Callable[[list[str]], None]
"""Brings a list into a random order, in place."""


class Preferred(Protocol):
    """Something with a place among MX hosts: the lower, the better."""

    @property
    def preference(self) -> int: ...


Listed = TypeVar("Listed", bound=Preferred)


@dataclass(frozen=True, slots=True)
class Host:
    """One MX host. `authentic`: the DNSSEC-validated answer of its domain names it."""

    name: str
    preference: int
    authentic: bool = False


def ordered(answer: DNSAnswer, shuffle: Shuffle) -> tuple[Host, ...]:
    """The MX hosts, best first, equals in random order, each name once.

    A root exchange is no host (RFC 7505): where there is nothing else, the domain takes no mail.
    """
    records = sorted(record for record in answer.records if record[1] != ".")
    hosts: dict[str, Host] = {}
    for preference, group in groupby(records, key=lambda record: record[0]):
        names = [name for _, name in group]
        shuffle(names)
        for name in names:
            hosts.setdefault(name, Host(name, preference, answer.authentic))
    return tuple(hosts.values())


def better_than(hosts: Sequence[Listed], ourselves: Iterable[Preferred]) -> tuple[Listed, ...]:
    """The hosts that are preferred to every one of `ourselves`: the rest would bring the mail
    back to us, or to somebody who would (RFC 5321 5.1)."""
    limit = min((host.preference for host in ourselves), default=None)
    if limit is None:
        return tuple(hosts)
    return tuple(host for host in hosts if host.preference < limit)


def alternated(v6: Sequence[str], v4: Sequence[str]) -> tuple[str, ...]:
    """Addresses of a host, IPv6 first, then the families in turn, so that a network without one
    of them waits for no more than one attempt at a time (RFC 8305 4)."""
    pairs = zip_longest(_each_once(v6), _each_once(v4))
    return tuple(address for pair in pairs for address in pair if address is not None)


def _each_once(addresses: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(str(ip_address(address)) for address in addresses))
