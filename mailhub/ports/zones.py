"""What the store keeps of zones, and what zones want to know of certificates and the machine."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.zone import CustomRecord, Zone, ZoneKey, ZoneKeyState, ZoneState


class Zones(Protocol):
    """What administrators added to zones, and which versions of them others have seen."""

    def records(self) -> Awaitable[Sequence[CustomRecord]]:
        """In the order in which they were made."""
        ...

    def add(self, record: CustomRecord, most: int, actor: Actor) -> Awaitable[bool]:
        """Whether it is new. Raises LimitReached where there are `most` of all already."""
        ...

    def replace(
        self, name: str, kind: str, values: Sequence[str], most: int, actor: Actor
    ) -> Awaitable[bool]:
        """The name has exactly these of that type, in one commit; whether that is new. Raises
        LimitReached."""
        ...

    def remove(self, name: str, kind: str, value: str, actor: Actor) -> Awaitable[bool]:
        """Removes one, or with an empty value all of that type; whether there was any."""
        ...

    def secondaries(self) -> Awaitable[Sequence[str]]:
        """As they were written, in order."""
        ...

    def set_secondaries(self, names: Sequence[str], actor: Actor) -> Awaitable[bool]:
        """Replaces them all; whether that is new."""
        ...

    def states(self) -> Awaitable[Mapping[str, ZoneState]]:
        """The last version of each zone, by its name."""
        ...

    def publish(
        self, states: Sequence[ZoneState], gone: Sequence[str], actor: Actor
    ) -> Awaitable[None]:
        """New versions, in one commit. `gone`: zones that are no more; their versions stay, for a
        serial never goes back. Raises Conflict where a zone has such a serial, or a later one."""
        ...

    def keys(self) -> Awaitable[Mapping[str, Sequence[ZoneKey]]]:
        """What signs each zone, by its name; the oldest first."""
        ...

    def add_key(self, key: ZoneKey, actor: Actor) -> Awaitable[None]:
        """Raises AlreadyExists where the zone has one in this state, or any that is to follow the
        one that signs and so is this."""
        ...

    def move_keys(
        self, zone: str, moved: Mapping[str, ZoneKeyState | None], now: int, actor: Actor
    ) -> Awaitable[None]:
        """New states, by public key, in one commit; None: removed. Raises Conflict where one is not
        in the state before."""
        ...

    def signatures(self, zone: str) -> Awaitable[bytes]:
        """What was kept of a zone's; empty: nothing."""
        ...

    def keep_signatures(self, zone: str, kept: bytes) -> Awaitable[None]:
        """In place of what was kept. They can be made anew: no journal tells of them."""
        ...

    def personal(self) -> Awaitable[frozenset[str]]:
        """Domains in which accounts have addresses."""
        ...


class CertificateFacts(Protocol):
    """What the server's certificates are worth."""

    def valid_for(self, name: str) -> bool:
        """Whether the certificate that this name gets is one that others verify, today."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 of the key of the server's own certificate (its SubjectPublicKeyInfo), hex; empty
        while there is none."""
        ...


class HostKeys(Protocol):
    """How others recognize this machine's SSH server."""

    def fingerprints(self) -> Sequence[str]:
        """Texts of SSHFP records (RFC 4255); empty where there is no such server."""
        ...


class ZoneServer(Protocol):
    """Another program that answers for our zones, and signs them. Raises Unavailable where it
    cannot be reached or refuses."""

    def names(self) -> Awaitable[frozenset[str]]:
        """The zones that it has, ours and others."""
        ...

    def put(self, zone: Zone) -> Awaitable[bool]:
        """It says what `zone` says, at once and whole; whether that is new."""
        ...

    def drop(self, name: str) -> Awaitable[None]:
        """It answers for this zone no more."""
        ...

    def keys(self, name: str) -> Awaitable[Sequence[str]]:
        """Texts of the DNSKEY records that it signs a zone with."""
        ...
