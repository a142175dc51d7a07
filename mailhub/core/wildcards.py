"""Addresses with a `*`: what they may look like, and which of them take an address.

`name*@domain` and `*name@domain` take what begins or ends so, `*@domain` takes everything there,
and `name@*` takes the name in every local domain. Pure: the rows are somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.address import Domain
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar

FIXED = 32
"""Longest part beside the `*`, in characters: each costs a key in the look-up."""
ANYWHERE = "*"
"""In place of a domain: every local one."""


def check(local: str) -> None:
    """Raises Invalid (field `address`) where a `*` stands as it may not."""
    count = local.count("*")
    if not count:
        return
    if count > 1 or not (local.startswith("*") or local.endswith("*")):
        raise Invalid("One wildcard can stand at the start or the end", field="address")
    if len(local) - 1 > FIXED:
        raise Invalid(f"Beside a wildcard there are at most {FIXED} characters", field="address")


def anywhere(address: str) -> tuple[str, str]:
    """(canonical spelling, key) of `name@*`. Raises Invalid (field `address`)."""
    local, _ = grammar.split(f"{address.rpartition('@')[0]}@any.invalid")
    if "*" in local:
        raise Invalid("A wildcard stands before the @ or behind it", field="address")
    spelling = grammar.quote_local(local)
    return f"{spelling}@{ANYWHERE}", f"{grammar.quote_local(grammar.fold(local))}@{ANYWHERE}"


def keys(folded: str, chain: Sequence[Domain]) -> list[str]:
    """Keys of `name*@domain` and `*name@domain`, the longest name first, then `*@domain`; and at
    the end those of `name@*`."""
    found: dict[str, None] = {}
    for domain in chain:
        local = folded.replace(".", "") if domain.ignore_dots else folded
        for length in range(min(len(local), FIXED), 0, -1):
            found[grammar.join(local[:length] + "*", domain.name)] = None
            found[grammar.join("*" + local[-length:], domain.name)] = None
        found[grammar.join("*", domain.name)] = None
    for domain in chain:
        for local in (folded, grammar.base(folded, domain.delimiter)):
            found[f"{grammar.quote_local(local)}@{ANYWHERE}"] = None
    return list(found)
