"""An account whose mail still lives on another server, as a value. What that means for sessions and
deliveries is core's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ELSEWHERE_LANES = ("elsewhere://",)
"""What lanes of the queue begin with in which mail waits for such a server, for the account `home`:
for as long as it lives there."""


@dataclass(frozen=True, slots=True)
class Away:
    """What a delivery has to know of an account whose mail is elsewhere. `lane`: where it waits for
    the other server; `mark`: what stands in a Delivered-To field of all that was sent there, so
    that what comes back is known."""

    lane: str
    mark: str


class Phase(Enum):
    """ELSEWHERE → MOVING → HERE; and back, where a move has to be undone."""

    ELSEWHERE = "elsewhere"
    """Sessions are handed through to the other server, and mail that comes goes on to it."""
    MOVING = "moving"
    """The last of its mail is fetched: mail that comes waits in the queue, and nobody gets in."""
    HERE = "here"
    """Its mail is here. What is known of the other server is kept, for stragglers."""


class Layer(Enum):
    """How a connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server listens. `scheme`: see `wire.door`. `protocol`: imap, pop3, smtp or lmtp.
    `host`: a name in A-labels, or an address without brackets."""

    scheme: str
    protocol: str
    layer: Layer
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`name`: the login name there. `imap`, `pop3`: where its sessions lead; `mail`: where its mail
    is delivered, over SMTP or LMTP; each None where there is no such way. `since`: epoch seconds of
    the phase's beginning. `learned`: the account's auth version for which the other server's word
    about the password counts more than what is known here; 0: none."""

    account: int
    name: str
    imap: Door | None = None
    pop3: Door | None = None
    mail: Door | None = None
    phase: Phase = Phase.ELSEWHERE
    since: int = 0
    learned: int = 0
