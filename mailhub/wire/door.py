"""URLs of another server's doors: `imaps://host`, `pop3://host:110`, `lmtp://host:24`.

`imap`, `pop3`, `smtp`: TLS by STARTTLS; `imaps`, `pop3s`, `smtps`: from the first octet
(RFC 8314); `+clear`: none, for a server on this machine or its network. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mailhub.model.elsewhere import Door, Layer
from mailhub.model.errors import Invalid
from mailhub.wire import weburl

SCHEMES: Mapping[str, tuple[str, Layer, int]] = {
    "imap": ("imap", Layer.STARTTLS, 143),
    "imaps": ("imap", Layer.IMPLICIT, 993),
    "imap+clear": ("imap", Layer.NONE, 143),
    "pop3": ("pop3", Layer.STARTTLS, 110),
    "pop3s": ("pop3", Layer.IMPLICIT, 995),
    "pop3+clear": ("pop3", Layer.NONE, 110),
    "smtp": ("smtp", Layer.STARTTLS, 25),
    "smtps": ("smtp", Layer.IMPLICIT, 465),
    "smtp+clear": ("smtp", Layer.NONE, 25),
    "lmtp": ("lmtp", Layer.STARTTLS, 24),
    "lmtp+clear": ("lmtp", Layer.NONE, 24),
}
"""Protocol, layer and port of each."""


def parse(url: str, protocols: tuple[str, ...], field: str) -> Door:
    """One of `protocols`. Raises Invalid (naming `field`): another scheme, a user name, a path, a
    host that only some would read as an address."""
    if not url or len(url) > weburl.LIMIT or weburl.BAD.search(url):
        raise Invalid("Not a URL", field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("Not a URL", field) from None
    scheme = parts.scheme.lower()
    protocol, layer, usual = SCHEMES.get(scheme, ("", Layer.NONE, 0))
    if protocol not in protocols:
        possible = [name for name, one in SCHEMES.items() if one[0] in protocols]
        raise Invalid(f"Only these are possible: {', '.join(possible)}", field)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.netloc.endswith(":"):
        raise Invalid("A server has a host and a port and nothing behind them", field)
    if "@" in parts.netloc:
        raise Invalid("The login name stands apart from the server's URL", field)
    if port == 0:
        raise Invalid("There is no port 0", field)
    host = weburl.host(parts.hostname or "", parts.netloc, field)
    return Door(scheme, protocol, layer, host, usual if port is None else port)


def place(door: Door) -> str:
    """Host and port, for people and for lanes."""
    host = f"[{door.host}]" if ":" in door.host else door.host
    return f"{host}:{door.port}"


def text(door: Door | None) -> str:
    """The URL of a door; empty for none."""
    return "" if door is None else f"{door.scheme}://{place(door)}"
