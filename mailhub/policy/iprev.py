"""Reverse DNS (RFC 8601 3): does the client's address have a name that leads back to it?"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.ports import Resolver
from mailhub.wire.dnsname import query_name, reverse_name
from mailhub.wire.networks import plain

NAMES = 5
"""Most names of one address that are looked at."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`result`: pass, fail, temperror or permerror (RFC 8601 2.7.3). `name`: where it is pass."""

    result: str
    name: str = ""


async def check(resolver: Resolver, address: str) -> Checked:
    """`address`: the client's, as text."""
    address = plain(address)
    try:
        names = (await resolver.query(reverse_name(address), "PTR")).records
    except (NotFound, Invalid):
        return Checked("permerror")
    except Unavailable:
        return Checked("temperror")
    late = False
    for name in names[:NAMES]:
        try:
            found = await resolver.query(query_name(name), "AAAA" if ":" in address else "A")
        except (NotFound, Invalid):
            continue
        except Unavailable:
            late = True
            continue
        if address in found.records:
            return Checked("pass", query_name(name))
    return Checked("temperror" if late else "fail" if names else "permerror")
