"""Where mail goes on to: routes as an administrator writes them, and servers to try."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mailhub.model.tlsreport import TLSPolicy


class TLSLevel(Enum):
    """What a connection must have before mail goes over it, weakest first."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    """TLS where it is offered, whatever the certificate says (RFC 7435)."""
    REQUIRED = "required"
    """TLS, whatever the certificate says."""
    VERIFIED = "verified"
    """TLS with a certificate that a public authority signed for one of the names."""
    DANE = "dane"
    """TLS with a certificate that a TLSA record names (RFC 7672)."""


@dataclass(frozen=True, slots=True)
class TLSA:
    """A TLSA record (RFC 6698). `data`: raw octets."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Security:
    """What TLS must prove. `names`: reference identifiers, for VERIFIED and DANE-TA; the first is
    the server name that is sent (SNI; RFC 7672 8.1). Where the level is below VERIFIED they are
    checked for reports alone. `policy`: why, for people: `sts`, `tlsa`, `route`, `requiretls` or
    empty. `implicit`: TLS from the first octet. `applied`: the policy that reports of this
    connection belong to, None where nobody is told."""

    level: TLSLevel = TLSLevel.OPPORTUNISTIC
    names: tuple[str, ...] = ()
    tlsa: tuple[TLSA, ...] = ()
    policy: str = ""
    implicit: bool = False
    applied: TLSPolicy | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to log in with at a relay. `mechanisms`: allowed ones, best first; empty: any."""

    username: str
    password: str
    mechanisms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """One server to try: a host with its addresses, in order. `sources`: local addresses to
    connect from, in order of preference; empty: the system's choice. `lmtp`: speak LMTP."""

    host: str
    addresses: tuple[str, ...]
    port: int = 25
    security: Security = Security()
    credentials: Credentials | None = None
    sources: tuple[str, ...] = ()
    lmtp: bool = False
    _hash: int = field(init=False, repr=False, compare=False)
    """Sessions are found by their hop, several times a message."""

    def __post_init__(self) -> None:
        whole = (self.host, self.addresses, self.port, self.security, self.credentials)
        object.__setattr__(self, "_hash", hash((*whole, self.sources, self.lmtp)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Route:
    """A rule that sends some mail over a certain server instead of the MX.

    `destination`: recipient domain, or `*`. `sender`: sender's domain or whole address, empty for
    any. `account`: number of the submitting account, None for any. `host`, `port`: the server;
    `host` empty: the MX of the recipient's domain. `priority`: lowest first. `weight`: share
    among equals. `sources`: local addresses; `spread`: chosen at random, else in order.
    `username`, `password`: AUTH. `tls`: a `TLSLevel`'s value. `implicit`: TLS from the first octet,
    whatever the port. `guarded`: a user named the host, so that it has to be a public one, and not
    we. `lmtp`: it speaks LMTP.
    """

    number: int
    destination: str
    host: str = ""
    port: int = 25
    sender: str = ""
    account: int | None = None
    priority: int = 0
    weight: int = 1
    sources: tuple[str, ...] = ()
    spread: bool = False
    username: str = ""
    password: str = ""
    tls: TLSLevel = TLSLevel.OPPORTUNISTIC
    created: int = 0
    implicit: bool = False
    guarded: bool = False
    lmtp: bool = False
