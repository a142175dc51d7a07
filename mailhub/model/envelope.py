"""The SMTP envelope and what is known about the peer that brings it (RFC 5321 section 2.3.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.account import Principal, Service


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """An established TLS layer. `exporter`: channel binding for SCRAM-PLUS (RFC 9266), or empty."""

    version: str
    cipher: str
    exporter: bytes = b""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end. `address`: textual IP, or `unix`. `trusted`: may use XCLIENT and relay as
    configured. `exempt`: not subject to guess and rate limits."""

    address: str
    port: int
    local_address: str = ""
    local_port: int = 0
    tls: TLSFacts | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A wish to be held back (RFC 4865): for so many `seconds`, or `until` epoch seconds; the
    other one is 0."""

    seconds: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class ReversePath:
    """MAIL FROM with its parameters. `address` is empty for the null sender."""

    address: str
    size: int = 0
    body: str = "7BIT"
    """`7BIT`, `8BITMIME` or `BINARYMIME`."""
    utf8: bool = False
    ret: str = ""
    """`FULL`, `HDRS` or empty (RFC 3461 4.3)."""
    envid: str = ""
    auth: str = ""
    hold: Hold | None = None
    """What the sender wished, as MAIL said it; what holds is `hold_until`."""
    hold_until: int = 0
    """Epoch seconds before which it is delivered to nobody (RFC 4865); 0: at once."""
    require_tls: bool = False
    """Goes only where TLS is proven (RFC 8689)."""


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """RCPT TO with its parameters. `notify`: of NEVER, SUCCESS, FAILURE, DELAY (RFC 3461)."""

    address: str
    notify: tuple[str, ...] = ()
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One transaction, complete: made once when the message body begins, never changed."""

    transaction: str
    """Time-ordered unique id."""
    reverse_path: ReversePath
    forward_paths: tuple[ForwardPath, ...]
    service: Service
    peer: Peer
    helo: str = ""
    principal: Principal | None = None
    trusted: bool = False
    """The client may relay without logging in."""
    protocol: str = "SMTP"
    """The `with` word of Received: SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP, UTF8SMTP … (RFC 3848)."""
    sources: tuple[str, ...] = field(default=())
    session: str = ""
    """The connection's id, as the log has it; empty where there is none."""
    again: bool = False
    """It may be handed over more than once, and is taken once. Who sends a message over SMTP once
    more begins another transaction."""
