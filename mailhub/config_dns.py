"""What types cannot say of `[dns]`: addresses that are some, and one of each kind."""

from __future__ import annotations

from ipaddress import ip_address

from mailhub.model.errors import Invalid
from mailhub.model.settings_dns import DNSSettings
from mailhub.wire.dnsname import query_name, server_address

Fault = tuple[tuple[str | int, ...], str]


def faults(settings: DNSSettings) -> list[Fault]:
    """Where the faults are and what to tell of them."""
    problems: list[Fault] = []
    for word in settings.listen:
        try:
            server_address(word)
        except Invalid as error:
            problems.append((("dns", "listen"), f"dns.listen: {error.text}"))
    seen: set[int] = set()
    for word in settings.addresses:
        try:
            address = ip_address(word)
        except ValueError:
            problems.append((("dns", "addresses"), f"dns.addresses: {word!r} is no IP address"))
            continue
        if address.version in seen:
            said = f"dns.addresses: more than one IPv{address.version} address"
            problems.append((("dns", "addresses"), said))
        seen.add(address.version)
    if settings.calendars:
        try:
            query_name(settings.calendars)
        except Invalid:
            said = f"dns.calendars: {settings.calendars!r} is no host name"
            problems.append((("dns", "calendars"), said))
    for name in ("rate", "connections"):
        if getattr(settings, name) < 1:
            problems.append((("dns", name), f"dns.{name} has to be 1 at least"))
    if settings.listen and not settings.addresses:
        said = "dns.listen: dns.addresses is missing: zones would lead nowhere"
        problems.append((("dns", "listen"), said))
    return problems
