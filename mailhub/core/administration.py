"""What administrators of this server work with, as one part: joined here, each in its own file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administrators import Administrators
from mailhub.core.aliases import Aliases
from mailhub.core.certificates import Certificates
from mailhub.core.checkup import Checkup
from mailhub.core.clearing import Clearing
from mailhub.core.domains import Domains
from mailhub.core.hosted import Hosted
from mailhub.core.leaving import Leaving
from mailhub.core.provisioning import Provisioning
from mailhub.core.secondaries import Secondaries
from mailhub.core.session_keys import SessionKeys
from mailhub.core.signed_tokens import SignedTokens
from mailhub.core.system import System
from mailhub.core.zonekeys import ZoneKeys
from mailhub.core.zones import Zones


@dataclass(frozen=True, slots=True)
class Administration:
    """`hostname`: this server's. `system_key`: what programs of this machine's own log in with,
    new at every start; empty: nothing. Asked for by who lets them in."""

    hostname: str
    administrators: Administrators
    leaving: Leaving
    aliases: Aliases
    clearing: Clearing
    session_keys: SessionKeys
    signed_tokens: SignedTokens
    zones: Zones
    zone_keys: ZoneKeys
    secondaries: Secondaries
    certificates: Certificates
    hosted: Hosted
    provisioning: Provisioning
    system: System
    checkup: Checkup
    system_key: Callable[[], str] = str


def administration(
    accounts: Accounts,
    addresses: Addresses,
    domains: Domains,
    session_keys: SessionKeys,
    signed_tokens: SignedTokens,
    zones: Zones,
    zone_keys: ZoneKeys,
    secondaries: Secondaries,
    certificates: Certificates,
    hosted: Hosted,
    provisioning: Provisioning,
    system: System,
    checkup: Checkup,
    hostname: str,
    default_domain: str = "",
    system_key: Callable[[], str] = str,
) -> Administration:
    """All of it. The server's own domains stay when nothing stands in them."""
    administrators = Administrators(accounts)
    kept = frozenset({hostname.lower(), default_domain.lower()})
    leaving = Leaving(accounts, administrators, domains, kept)
    return Administration(
        hostname.lower(),
        administrators,
        leaving,
        Aliases(addresses, domains, leaving, hostname),
        Clearing(accounts, addresses, administrators, domains),
        session_keys,
        signed_tokens,
        zones,
        zone_keys,
        secondaries,
        certificates,
        hosted,
        provisioning,
        system,
        checkup,
        system_key,
    )
