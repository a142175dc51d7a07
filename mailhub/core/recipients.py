"""Where a recipient address leads: one walk over domains, addresses, aliases and wildcards.

Pure in its rules, it asks the store through a `Lookup`; it keeps nothing between walks. The cache
and the permission to relay stand elsewhere (`core.addresses`, `core.intake`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.core import required, wildcards
from mailhub.core.domains import ALIAS_HOPS
from mailhub.model.address import Address, Domain, Resolution
from mailhub.model.errors import Invalid, LimitReached
from mailhub.wire import address as grammar
from mailhub.wire import relayurl

ROLES = frozenset({"postmaster", "abuse"})
"""Local parts that every domain answers for (RFC 5321 4.5.1, RFC 2142)."""
DEPTH = 16
"""Longest chain of aliases."""
WIDTH = 5000
"""Most addresses one recipient may lead to."""

Match = Callable[[Sequence[str]], Awaitable[Address | None]]
Discover = Callable[[str], Awaitable[bool]]
"""Asked of an address that is no row; what it says yes to has become one. Raises Unavailable."""


@dataclass(slots=True)
class Walk:
    """One resolution under way. `match`: the first of the keys that exists, as the port has it.

    `administrator`: answers for roles that no address takes; None where nobody does. `hostname`:
    this server's, for addresses that it has to have (`core.required`).
    """

    domains: Mapping[str, Domain]
    match: Match
    administrator: Callable[[], Awaitable[int | None]]
    hostname: str = ""
    accounts: dict[int, str] = field(default_factory=dict)
    remote: dict[str, None] = field(default_factory=dict)
    programs: dict[str, None] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    limited: dict[int, int] = field(default_factory=dict)
    relays: dict[tuple[str, str], None] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    async def of(self, local: str, domain: str) -> Resolution | None:
        """Where local part (unquoted) and local domain (A-label) lead; None for nowhere.

        Raises LimitReached for an alias that leads to too many.
        """
        if not await self._local(local, domain, 0, ""):
            return None
        return Resolution(
            tuple(self.accounts.items()),
            tuple(self.remote),
            self._detail(local, domain),
            tuple(self.programs),
            tuple(self.lists.items()),
            tuple(self.limited.items()),
            tuple(self.relays),
        )

    async def _local(self, local: str, domain: str, depth: int, through: str) -> bool:
        """Adds where the address leads; whether it exists at all. `through`: the minilist on the
        way, the nearest of several."""
        chain = domain_chain(self.domains, domain)
        folded = grammar.fold(local)
        row = await self.match(exact_keys(folded, chain))
        if row is not None and row.receives:
            return await self._take(row, depth, through)
        if await self._required(folded, domain, depth, through):
            return True
        row = await self.match(wildcards.keys(folded, chain))
        if row is not None and row.receives:
            return await self._take(row, depth, through)
        for one in chain:
            if one.catch_all and await self._follow(one.catch_all, depth + 1, through):
                return True
        if folded in ROLES:
            number = await self.administrator()
            if number is not None:
                self._add_account(number, grammar.join(local, domain), through)
                return True
        return False

    async def _required(self, folded: str, domain: str, depth: int, through: str) -> bool:
        """Leads an address that every server has to have to who answers for all of them, where
        somebody was named for that."""
        base = grammar.base(folded, self.domains[domain].delimiter)
        if not required.is_required(base, domain, self.hostname):
            return False
        target = required.administrator(self.hostname)
        return await self.match([target]) is not None and await self._follow(
            target, depth + 1, through
        )

    async def _take(self, row: Address, depth: int, through: str) -> bool:
        if row.key in self._seen:
            return True
        self._seen.add(row.key)
        found = bool(row.program)
        if row.account is not None and (not row.diverted or _keeps(row)):
            found = True
            # The owner of a minilist gets it straight, and what comes back from it too.
            self._add_account(row.account, row.address, through)
        if row.minilist:
            through = row.address
        if row.forwards and row.targets:
            self.limited[row.number] = row.forwards
        if row.program and row.address not in self.programs:
            self.programs[row.address] = None
            self._note(row.address, through)
        for target in row.targets:
            if relayurl.is_relay(target):
                found = True
                self.relays[row.address, target] = None
                self._note(row.address, through)
            elif await self._follow(target, depth + 1, through):
                found = True
        return found

    async def _follow(self, target: str, depth: int, through: str) -> bool:
        if depth > DEPTH:
            return False
        try:
            local, domain = grammar.split(target)
        except Invalid:
            return False
        if domain in self.domains:
            return await self._local(local, domain, depth, through)
        address = grammar.join(local, domain)
        if address not in self.remote:
            self.remote[address] = None
            self._note(address, through)
        return True

    def _add_account(self, number: int, address: str, through: str) -> None:
        if number not in self.accounts:
            self.accounts[number] = address
            self._note(address, through)

    def _note(self, address: str, through: str) -> None:
        """What was found. Raises LimitReached past the width."""
        if through:
            self.lists[address] = through
        others = len(self.remote) + len(self.programs) + len(self.relays)
        if len(self.accounts) + others > WIDTH:
            raise LimitReached("The address leads to too many recipients")

    def _detail(self, local: str, domain: str) -> str:
        delimiter = self.domains[domain].delimiter
        return local[len(grammar.base(local, delimiter)) + 1 :]


def _keeps(row: Address) -> bool:
    """Whether who owns a diverted address gets its mail too: it leads to itself."""
    for target in row.targets:
        try:
            if grammar.key(target, delimiter="") == row.key:
                return True
        except Invalid:
            continue
    return False


async def discover(
    discover: Discover, match: Match, local: str, domain: str, domains: Mapping[str, Domain]
) -> None:
    """Asks where the address itself is no row, whatever wildcard or catch-all would take it."""
    folded = grammar.fold(local)
    if await match(exact_keys(folded, domain_chain(domains, domain))) is None:
        base = grammar.base(folded, domains[domain].delimiter)
        await discover(grammar.join(base, domain))


def domain_chain(domains: Mapping[str, Domain], name: str) -> list[Domain]:
    """The domain and those it is an alias of, nearest first; a loop is cut."""
    chain: list[Domain] = []
    while name in domains and len(chain) <= ALIAS_HOPS:
        domain = domains[name]
        if domain in chain:
            break
        chain.append(domain)
        name = domain.alias_of
    return chain


async def find(match: Match, local: str, chain: Sequence[Domain]) -> Address | None:
    """The address row that takes `local` in the first domain of `chain`.

    An exact key in any domain of the chain wins over a wildcard in any; the longest wildcard wins
    over shorter ones.
    """
    folded = grammar.fold(local)
    row = await match(exact_keys(folded, chain))
    if row is None:
        row = await match(wildcards.keys(folded, chain))
    return row


def exact_keys(folded: str, chain: Sequence[Domain]) -> list[str]:
    """Keys of the address itself: whole before without subaddress, nearest domain first."""
    keys: dict[str, None] = {}
    for domain in chain:
        for local in (folded, grammar.base(folded, domain.delimiter)):
            if domain.ignore_dots:
                local = local.replace(".", "")
            keys[grammar.join(local, domain.name)] = None
    return list(keys)
