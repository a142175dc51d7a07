"""Addresses that whoever runs mail domains has to have, and who answers for them.

RFC 2142 and certificate authorities name some local parts that reach whoever is responsible for a
domain. Where `administrator@HOSTNAME` exists, it gets what is sent to them and nobody else took:
they are computed when they are asked for, so they follow every change of domains, and stand below
every address that somebody made, but above what takes whole domains. Pure.
"""

from __future__ import annotations

from mailhub.wire import address as grammar

EVERYWHERE = frozenset({"postmaster", "admin", "abuse"})
"""Local parts of every domain."""
HERE = frozenset({"hostmaster"})
"""Local parts of this server's own name, which stands in the SOA of its zones."""
RESERVED = frozenset({"admin", "administrator", "postmaster", "hostmaster", "webmaster", "abuse"})
"""Local parts that prove who owns a domain to certificate authorities (CA/Browser Forum Baseline
Requirements, section 3.2.2.4.4): only administrators may get their mail."""


def administrator(hostname: str) -> str:
    """Who answers for all required addresses."""
    return f"administrator@{hostname}"


def is_required(local: str, domain: str, hostname: str) -> bool:
    """Whether a folded local part without subaddress is one of a domain's."""
    if not hostname or (domain == hostname and local == "administrator"):
        return False
    return local in EVERYWHERE or (domain == hostname and local in HERE)


def of_domain(domain: str, hostname: str) -> list[str]:
    """The required addresses of a domain."""
    locals_ = EVERYWHERE | HERE if domain == hostname else EVERYWHERE
    return [f"{local}@{domain}" for local in sorted(locals_)]


def is_reserved(address: str) -> bool:
    """Whether mail for an address proves who owns its domain; a `+` and what follows it do not
    count."""
    local = address.rpartition("@")[0]
    return grammar.base(grammar.fold(local), "+") in RESERVED
