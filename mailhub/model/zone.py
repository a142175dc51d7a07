"""Zones of the DNS as values: records, what an administrator added, what is wrong with a record.

What a record's text may be says `wire.zonerecord`, which zones there are `core.zones`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import Invalid

LOCAL = "local"
"""Value of a custom A or AAAA: this server's own address."""
TRANSFER = "xfr:"
"""What a secondary begins with that fetches zones, and is not named in them."""


class RecordFault(Enum):
    """What is wrong with a custom record."""

    FOREIGN = "foreign"
    """Its name is in none of our zones."""
    NAME = "name"
    VALUE = "value"
    MISSING = "missing"
    """There is no value."""
    IPV6 = "ipv6"
    """An IPv6 address where an IPv4 one belongs."""
    IPV4 = "ipv4"
    ADDRESS = "address"
    """No address at all."""
    APEX = "apex"
    """It cannot stand at the top of a zone."""
    KIND = "kind"
    """A type that is not known."""
    CONFLICT = "conflict"
    """A CNAME stands alone (RFC 1034 3.6.2)."""
    SECONDARY = "secondary"
    """Neither an address nor a network."""
    UNRESOLVED = "unresolved"
    """A secondary without an address."""


class BadRecord(Invalid):
    """A custom record or a secondary cannot be. `given`: what was at fault, as it was written."""

    def __init__(self, fault: RecordFault, text: str, given: str = "") -> None:
        super().__init__(text, fault.value)
        self.fault = fault
        self.given = given


class Origin(Enum):
    """Where a record comes from."""

    GENERATED = "generated"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a zone. `name`: lower-case A-labels without the last dot. `kind`: its type in
    capitals. `value`: presentation form with absolute names, of a TXT its whole text. `why`: words
    for people, which begin with `Required.`, `Recommended.` or `Optional.` where it is generated.
    """

    name: str
    kind: str
    value: str
    ttl: int
    why: str = ""
    origin: Origin = Origin.GENERATED


@dataclass(frozen=True, slots=True)
class CustomRecord:
    """A record that an administrator added. `value`: as of `Record`, or `local`. `number`: in the
    order in which they were made; the store gives it."""

    name: str
    kind: str
    value: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. `name`: as of `Record`. `records`: without its SOA. `state`: which version of it
    this is."""

    name: str
    records: tuple[Record, ...]
    soa: SOA
    state: ZoneState


@dataclass(frozen=True, slots=True)
class SOA:
    """Who answers for a zone, and its intervals (RFC 1035 3.3.13), in seconds. `mbox`: the
    postmaster's address as a name."""

    primary: str
    mbox: str
    refresh: int = 7200
    retry: int = 3600
    expire: int = 1209600
    minimum: int = 86400
    ttl: int = 86400


@dataclass(frozen=True, slots=True)
class ZoneState:
    """The version of a zone that others have seen. `digest`: of all that it says, without the
    serial. `signed`: epoch seconds from which its signatures are valid."""

    zone: str
    serial: int
    digest: str
    signed: int


class ZoneKeyState(Enum):
    """Where a zone's key stands on its way (RFC 7583 3.3): each follows the one before."""

    COMING = "coming"
    """It is in the zone, and others may have a copy without it."""
    READY = "ready"
    """The zone above is to point to it."""
    TRUSTED = "trusted"
    """The zone above points to it, and others may have a copy that does not."""
    ACTIVE = "active"
    """It signs all of the zone."""
    LEAVING = "leaving"
    """It signs no more; others may have copies of what it signed."""


NEXT_KEY_STATE = {
    ZoneKeyState.COMING: ZoneKeyState.READY,
    ZoneKeyState.READY: ZoneKeyState.TRUSTED,
    ZoneKeyState.TRUSTED: ZoneKeyState.ACTIVE,
    ZoneKeyState.ACTIVE: ZoneKeyState.LEAVING,
    ZoneKeyState.LEAVING: None,
}
"""None: it is removed."""


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """A key of a zone. `private`: PEM (PKCS #8). `public`: of the record, base64. `created`,
    `since`: epoch seconds; from when it is in its state."""

    zone: str
    private: str
    public: str
    created: int
    state: ZoneKeyState = ZoneKeyState.ACTIVE
    since: int = 0


def signing(keys: Sequence[ZoneKey]) -> ZoneKey | None:
    """The key that signs a zone; None: it has none."""
    return next((one for one in keys if one.state is ZoneKeyState.ACTIVE), None)


def wanted(keys: Sequence[ZoneKey]) -> ZoneKey | None:
    """The key that the zone above is to point to."""
    ahead = (ZoneKeyState.READY, ZoneKeyState.TRUSTED)
    return next((one for one in keys if one.state in ahead), signing(keys))


@dataclass(frozen=True, slots=True)
class PublishedZone:
    """A zone with its keys: none where it is not signed."""

    zone: Zone
    keys: tuple[ZoneKey, ...] = ()


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain whose mail comes here. `personal`: people have addresses in it. `keys`: of its
    DKIM, name and text of each record. `policy`: the id of its MTA-STS policy, empty while none
    may be announced."""

    name: str
    personal: bool = False
    keys: tuple[tuple[str, str], ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What zones are made of, besides custom records.

    `ipv4`, `ipv6`: this server's public addresses, empty where it has none. `fingerprint`: SHA-256
    of its certificate's key, hex, or empty. `host_keys`: texts of SSHFP records. `services`: by
    SRV label (`_imaps._tcp`), the port. `calendars`: the host of CalDAV and CardDAV, or empty.
    `reports`: the address that reports go to, or empty. `secondaries`: as an administrator wrote
    them. `domains`: all mail domains.
    """

    hostname: str
    ipv4: str = ""
    ipv6: str = ""
    fingerprint: str = ""
    host_keys: tuple[str, ...] = ()
    services: tuple[tuple[str, int], ...] = ()
    calendars: str = ""
    reports: str = ""
    secondaries: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def name_servers(self) -> Sequence[str]:
        """Host names of NS records: ours, and either the secondaries or our second name."""
        others = [name for name in self.secondaries if not name.startswith(TRANSFER)]
        return [f"ns1.{self.hostname}", *(others or [f"ns2.{self.hostname}"])]
