"""URLs of servers that an account's mail is relayed to: `smtp://host`, `smtps://name:word@host:port`.

Read as strictly as URLs of the web (`wire.weburl`), as strangers give us these too. Pure; which
addresses may be reached is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from mailhub.model.errors import Invalid
from mailhub.wire import weburl

PORTS = {"smtp": 25, "smtps": 465}
"""Where nothing is said. `smtps`: TLS from the first octet (RFC 8314 section 3)."""
SUBMISSION = 587
WORD = 255
"""Characters of a user name, and of a password."""


@dataclass(frozen=True, slots=True)
class RelayURL:
    """`host`: a name in A-labels, or an address without brackets. `username`, `password`: of its
    AUTH, empty for none."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = ""

    @property
    def implicit(self) -> bool:
        """Whether TLS begins with the first octet."""
        return self.scheme == "smtps"

    @property
    def place(self) -> str:
        """The same without what nobody else may read."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def __str__(self) -> str:
        if not self.username:
            return self.place
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return self.place.replace("://", f"://{login}@", 1)


def shown(target: str) -> str:
    """Any target of mail as others may read it: without a password."""
    try:
        return parse(target).place if is_relay(target) else target
    except Invalid:
        return target.rpartition("@")[2]


def is_relay(text: str) -> bool:
    """Whether it is meant to be such a URL."""
    return text.partition("://")[0].strip().lower() in PORTS


def parse(url: str, field: str = "targets") -> RelayURL:
    """Raises Invalid (naming `field`): another scheme, a path or query, a host that only some would
    read as an address, a port of another service, a user name without a password."""
    if not url or len(url) > weburl.LIMIT or weburl.BAD.search(url):
        raise Invalid("Not a URL", field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("Not a URL", field) from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise Invalid("Only smtp: and smtps: are possible", field)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.netloc.endswith(":"):
        raise Invalid("A relay has a host and a port and nothing behind them", field)
    login, at, netloc = parts.netloc.rpartition("@")
    name, colon, word = login.partition(":")
    username, password = unquote(name), unquote(word)
    if at and not (username and colon and password):
        raise Invalid("A relay's URL has a user name with its password, or none", field)
    if not all(len(one) <= WORD and one.isprintable() for one in (username, password)):
        raise Invalid("The user name or password is too long, or cannot be printed", field)
    port = PORTS[scheme] if port is None else port
    if port not in (*PORTS.values(), SUBMISSION) and weburl.is_other_service(port):
        raise Invalid("This port belongs to another service", field)
    host = weburl.host(parts.hostname or "", netloc, field)
    return RelayURL(scheme, host, port, username, password)
