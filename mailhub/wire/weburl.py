"""URLs that strangers give us to ask: read strictly, so that what is checked is what is asked.

Browsers, libraries and resolvers read odd URLs in different ways (`http://127.1/`,
`http://a\\@b/`, `http://2130706433/`), and each difference is a way around a check. Here such a
URL is no URL. Pure; which addresses may be reached is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urlsplit

from mailhub.model.errors import Invalid
from mailhub.wire.dnsname import query_name

LIMIT = 2048
"""Characters of a URL."""
PORTS = {"http": 80, "https": 443}
BAD = re.compile(r'[\x00-\x20\x7f-\x9f\\"<>^`{|}\u2028\u2029\ud800-\udfff]')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_SAFE = "/?:@!$&'()*+,;=-._~%[]"
_OTHER_SERVICES = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679}
    | {6697, 10080}
)
"""Above 1023, what browsers refuse too: servers that take HTTP for commands of their own."""


@dataclass(frozen=True, slots=True)
class WebURL:
    """`scheme`: http or https. `host`: a name in A-labels, or an address without brackets.
    `target`: path and query in ASCII."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_address(self) -> bool:
        """Whether the host is no name."""
        return ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) is not None

    @property
    def authority(self) -> str:
        """Host and port as the Host field has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str, field: str = "url") -> WebURL:
    """The parts of an absolute http: or https: URL, without its fragment.

    Raises Invalid (naming `field`): another scheme, a user name or password, a host that only
    some would read as an address, a port of another service.
    """
    if not url or len(url) > LIMIT or BAD.search(url):
        raise Invalid("Not a URL", field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("Not a URL", field) from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise Invalid("Only http: and https: are possible", field)
    if "@" in parts.netloc:
        raise Invalid("A URL with a user name is not possible", field)
    if parts.netloc.endswith(":"):
        raise Invalid("Not a URL", field)
    port = PORTS[scheme] if port is None else port
    if port not in PORTS.values() and is_other_service(port):
        raise Invalid("This port belongs to another service", field)
    target = quote(parts.path or "/", safe=_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_SAFE)
    return WebURL(scheme, host(parts.hostname or "", parts.netloc, field), port, target)


def is_other_service(port: int) -> bool:
    """Whether somebody at this port may take the request for commands of their own."""
    return port < 1024 or port in _OTHER_SERVICES


def host(host: str, netloc: str, field: str) -> str:
    """A name in A-labels, or an address without brackets. `netloc`: how it stands in the URL.
    Raises Invalid."""
    if netloc.startswith("["):
        if netloc.partition("]")[2][:1] not in ("", ":"):
            raise Invalid("Not an address", field)
        return _ipv6(host, field)
    try:
        name = query_name(host)
    except Invalid:
        raise Invalid("Not a host name", field) from None
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # RFC 3986 7.4: `127.1`, `0x7f.0.0.1` and `2130706433` are addresses to some resolvers.
        # An address is written in one way.
        try:
            return str(ip_address(name))
        except ValueError:
            raise Invalid("Not an address in its usual form", field) from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid("Not a host name", field)
    return name


def _ipv6(host: str, field: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise Invalid("Not an address", field) from None
    if address.scope_id:
        raise Invalid("An address with a zone is nobody else's", field)
    return str(address)
