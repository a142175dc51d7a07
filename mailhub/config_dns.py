"""What types cannot say of `[dns]`: addresses that are some, and one of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address

from mailhub.model.errors import Invalid
from mailhub.model.settings_dns import DNSSettings
from mailhub.wire.dnsname import query_name, server_address

Fault = tuple[tuple[str | int, ...], str]


def faults(settings: DNSSettings) -> list[Fault]:
    """Where the faults are and what to tell of them."""
    return [(("dns", name), f"dns.{name}{said}") for name, said in _faults(settings)]


def _faults(settings: DNSSettings) -> Iterator[tuple[str, str]]:
    for name, check, texts in (
        ("listen", server_address, settings.listen),
        ("calendars", query_name, (settings.calendars,)),
        ("update", server_address, (settings.update,)),
        ("update_key", _key, (settings.update_key,)),
        ("transfer_key", _key, (settings.transfer_key,)),
    ):
        yield from _tried(name, check, texts)
    yield from _addresses(settings.addresses)
    for name in ("rate", "connections"):
        if getattr(settings, name) < 1:
            yield name, " has to be 1 at least"
    if settings.listen and not settings.addresses:
        yield "listen", ": dns.addresses is missing: zones would lead nowhere"
    if settings.update and settings.knot:
        yield "update", ": zones go to Knot already (dns.knot)"


def _tried(
    name: str, check: Callable[[str], object], texts: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for text in filter(None, texts):
        try:
            check(text)
        except Invalid as error:
            yield name, f": {error.text}"


def _key(text: str) -> object:
    from mailhub.wire.dnsupdate import parse_key  # its library costs every command a while

    return parse_key(text)


def _addresses(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    seen: set[int] = set()
    for word in words:
        try:
            version = ip_address(word).version
        except ValueError:
            yield "addresses", f": {word!r} is no IP address"
            continue
        if version in seen:
            yield "addresses", f": more than one IPv{version} address"
        seen.add(version)
