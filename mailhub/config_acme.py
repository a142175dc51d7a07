"""What types cannot say of `[acme]`: a URL, an address and names that are some."""

from __future__ import annotations

from mailhub.model.errors import Invalid
from mailhub.model.settings_acme import ACMESettings
from mailhub.wire import address, weburl

Fault = tuple[tuple[str | int, ...], str]


def faults(settings: ACMESettings) -> list[Fault]:
    """Where the faults are and what to tell of them."""
    problems: list[Fault] = []
    try:
        if weburl.parse(settings.directory).scheme != "https":
            raise Invalid("Only https: is possible")
    except Invalid as error:
        problems.append((("acme", "directory"), f"acme.directory: {error.text}"))
    if settings.contact:
        try:
            address.split(settings.contact)
        except Invalid:
            said = f"acme.contact: {settings.contact!r} is no mail address"
            problems.append((("acme", "contact"), said))
    for name in settings.names:
        try:
            address.domain(name.removeprefix("*."))
        except Invalid:
            problems.append((("acme", "names"), f"acme.names: {name!r} is no host name"))
    for field in ("review", "patience"):
        if getattr(settings, field) < 1:
            problems.append((("acme", field), f"acme.{field} has to be 1 at least"))
    return problems
