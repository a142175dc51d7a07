"""What types cannot say of `[ldap]`."""

from __future__ import annotations

from urllib.parse import urlsplit

from mailhub.model.errors import Invalid
from mailhub.model.settings_directory import LDAPSettings
from mailhub.wire import address

Where = tuple[str | int, ...]
WANTED = ("base", "domains", "key", "username", "filter")


def faults(ldap: LDAPSettings) -> list[tuple[Where, str]]:
    """Where a setting cannot be right, and why."""
    if not ldap.urls:
        return []
    found: list[tuple[Where, str]] = []
    for url in ldap.urls:
        parts = urlsplit(url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
            found.append((("ldap", "urls"), f"ldap.urls: {url} is no ldap:// or ldaps:// URL"))
    for name in WANTED:
        if not getattr(ldap, name):
            found.append((("ldap", name), f"ldap.{name}: has to be set, as ldap.urls is"))
    for domain in ldap.domains:
        try:
            address.domain(domain)
        except Invalid as error:
            found.append((("ldap", "domains"), f"ldap.domains: {domain}: {error.text}"))
    for name in ("filter", "all_filter", "locked_filter"):
        pattern = getattr(ldap, name)
        if pattern and (pattern[0] != "(" or pattern.count("(") != pattern.count(")")):
            found.append((("ldap", name), f"ldap.{name}: its parentheses do not match"))
    if ldap.filter and "{name}" not in ldap.filter:
        found.append((("ldap", "filter"), "ldap.filter: {name} is missing, where the name stands"))
    return found
